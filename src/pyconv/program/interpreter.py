"""A graph computed node by node with `pyconv.ops`: the truth that programs are tested against, and what the core has
no step for. Not fast.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyconv import _core, config, ops
from pyconv.gradient import Array
from pyconv.ops import pooling
from pyconv.ops.arrays import contiguous
from pyconv.ops.conv_plans import Direction, Problem, plan_by, plan_for
from pyconv.ops.padding import crop
from pyconv.ops.resampling import along_axis
from pyconv.program.blocks import reads_weights_once
from pyconv.program.elementwise import BINARY, ELEMENT, UNARY
from pyconv.program.graph import Graph, Node, Value
from pyconv.program.kinds import (
    Binary,
    Call,
    Chain,
    Concat,
    Conv,
    ConvTranspose,
    Kind,
    LayerNorm,
    Pad,
    Pool,
    Reshape,
    Resize,
    RowBlocks,
    ScaledConv,
    Slice,
    Softmax,
    Transpose,
    Unary,
    convolutions,
)


def run_graph(graph: Graph, arrays: list[Array]) -> list[Array]:
    """The outputs for batches in the order of the inputs."""
    values = dict(zip(graph.inputs, arrays, strict=True))
    for node in graph.nodes:
        given = [array_of(value, values) for value in node.inputs]
        values.update(zip(node.outputs, run_node(node, given), strict=True))
    return [array_of(value, values) for value in graph.outputs]


def array_of(value: Value, values: dict[Value, Array]) -> Array:
    """The value's batch, or the constant that it is."""
    return values[value] if value.constant is None else value.constant


def run_node(node: Node, arrays: list[Array]) -> list[Array]:
    """The results of one node for batches of its inputs; constants have no batch axis."""
    kind = node.kind
    if isinstance(kind, Call):
        return kind.function(arrays)
    return [_result(kind, arrays, node.output.shape)]


def _result(kind: Any, arrays: list[Array], shape: tuple[int, ...]) -> Array:  # noqa: PLR0911, PLR0912 - a table
    x = arrays[0]
    match kind:
        case Conv():
            return convolved(kind, x, arrays[1] if len(arrays) > 1 else None)
        case ScaledConv():
            factors = arrays[1].reshape(len(x), *(1,) * (x.ndim - 2), -1)
            return convolved(kind.conv, ops.multiply(x, factors), arrays[2] if len(arrays) > 2 else None)
        case ConvTranspose():
            return transposed(kind, x)
        case RowBlocks():
            for conv, links in zip(kind.convs, kind.links, strict=True):
                x = convolved(conv, x, arrays[1] if conv is kind.convs[-1] and len(arrays) > 1 else None)
                x = chained(Chain(links), [x])
            return x
        case Pool():
            op: Any = {"max": "max_pool", "average": "average_pool"}[kind.kind]
            return pooling.pool(pooling.Settled(op, kind.window, kind.strides, kind.pads, False), x)
        case Unary():
            return UNARY[kind.function](x, *kind.numbers)
        case Binary():
            return BINARY[kind.function](x, arrays[1])
        case Chain():
            return chained(kind, arrays)
        case Concat():
            return ops.concatenate(arrays, kind.axis + 1)
        case Slice():
            ends = zip(kind.begin, kind.end, x.shape[1:], strict=True)
            return crop(x, ((0, 0), *((begin, size - end) for begin, end, size in ends)))
        case Pad():
            return ops.pad(x, ((0, 0), *kind.pads), constant_values=kind.value)
        case Transpose():
            return ops.transpose(x, (0, *(axis + 1 for axis in kind.axes)))
        case Reshape():
            return contiguous(x).reshape(len(x), *shape)
        case Softmax():
            return ops.softmax(x)
        case Resize():
            for axis, taps in enumerate(kind.taps, 1):
                x = along_axis(x, axis, *taps)
            return x
        case LayerNorm():
            return ops.layer_normalization(x, kind.gamma, kind.beta, -1, kind.epsilon)
    raise AssertionError(kind)


def chained(kind: Chain, arrays: list[Array]) -> Array:
    """The links one after the other, each a pass over memory."""
    x, *others = arrays
    rest = iter(others)
    for link in kind.links:
        if link.operand == "none":
            x = ELEMENT[link.op](x, link.alpha, link.beta)
            continue
        other: Any = link.alpha if link.operand == "number" else link.vector if link.vector is not None else next(rest)
        first, second = (other, x) if link.op in ("rsub", "rdiv") else (x, other)
        x = BINARY[link.op.removeprefix("r")](first, second)
    return x


def convolved(kind: Conv, x: Array, residual: Array | None = None) -> Array:
    """A convolution by the core's plan."""
    plan = plan_of(kind, x.shape)
    shape = (*x.shape[:-1], kind.weights.shape[-1]) if kind.dense else plan.dst_shape
    src = contiguous(x).reshape(plan.src_shape)
    extra = None if residual is None else contiguous(residual).reshape(plan.dst_shape)
    bias = None if kind.bias is None else contiguous(kind.bias)
    return plan.run(src, contiguous(kind.weights), bias, None, extra).reshape(shape)


def transposed(kind: ConvTranspose, x: Array) -> Array:
    """A transposed convolution by the core's plan."""
    plan = plan_of(kind, x.shape)
    y = _core.empty("float32", plan.src_shape)
    plan.run(y, contiguous(kind.weights), None if kind.bias is None else contiguous(kind.bias), contiguous(x))
    return y


def plans_of(kind: Kind, x_shape: tuple[int, ...]) -> list[_core.ConvPlan]:
    """The plans of the convolutions that a node computes, one after the other, for a batch of this shape."""
    plans = []
    for conv in convolutions(kind):
        plans.append(plan_of(conv, x_shape))
        x_shape = plans[-1].dst_shape
    return plans


def plan_of(kind: Conv | ConvTranspose, x_shape: tuple[int, ...]) -> _core.ConvPlan:
    """The plan of a convolution for a batch of this shape.

    One that takes whole batches isn't tuned: the algorithm would depend on their size, and with it the last bits.
    """
    problem = problem_of(kind, x_shape)
    if is_plain(kind, x_shape):
        return plan_by(_core.get_isa(), "forward", problem, "")
    return plan_for(_core.get_isa(), direction_of(kind), problem)


def is_plain(kind: Conv | ConvTranspose, x_shape: tuple[int, ...]) -> bool:
    """Whether it takes whole batches, as plain sums."""
    return isinstance(kind, Conv) and reads_weights_once(kind, math.prod(x_shape[1:-1]))


def direction_of(kind: Conv | ConvTranspose) -> Direction:
    """Which way the core's plan goes."""
    return "forward" if isinstance(kind, Conv) else "backward_data"


def problem_of(kind: Conv | ConvTranspose, x_shape: tuple[int, ...]) -> Problem:
    """The convolution, or that whose gradient a transposed one is, for a batch of this shape, as the core takes it."""
    *window, inside, filters = kind.weights.shape
    batch, *size, channels = x_shape
    dense = isinstance(kind, Conv) and kind.dense
    if dense:
        batch, size = 1, [int(np.prod(x_shape[:-1], dtype=np.int64))]
    if isinstance(kind, ConvTranspose):
        size, channels = list(kind.size), inside * kind.groups
    return Problem(
        "dense" if dense else "conv",
        "float32",
        batch,
        channels,
        filters,
        kind.groups,
        tuple(size),
        tuple(window),
        kind.strides,
        kind.dilation,
        kind.pads,
        "strict" if is_plain(kind, x_shape) else config.get_precision(),
        kind.activation,
        kind.negative_slope,
    )
