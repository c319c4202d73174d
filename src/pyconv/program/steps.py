"""Nodes as steps of the core: one function a kind. A kind without one is computed by the interpreter."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pyconv import _core
from pyconv.gradient import Array
from pyconv.ops.arrays import contiguous
from pyconv.program.graph import Node, Value
from pyconv.program.interpreter import direction_of, plan_of, plans_of, problem_of
from pyconv.program.kinds import (
    Chain,
    Concat,
    Conv,
    ConvTranspose,
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
    convolutions,
)
from pyconv.program.storage import Placement

# Axes of what the core brings to other sizes: rows, columns, channels.
_MOST_RESIZED = 3


class Where(NamedTuple):
    """What a step is made with: the builder, the places, and how many samples it takes at a time."""

    builder: _core.ProgramBuilder
    places: Placement
    block: int


def has_step(node: Node) -> bool:
    """Whether the core has a step for a node."""
    variable = all(value.constant is None for value in node.inputs)
    images = not isinstance(node.kind, Resize) or len(node.output.shape) <= _MOST_RESIZED
    return (
        type(node.kind) in _STEPS
        and variable
        and images
        and all(value.size > 0 for value in (*node.inputs, *node.outputs))
    )


def add_step(node: Node, where: Where) -> int:
    """Adds the steps of a node to the builder's, and returns how many they are."""
    return _STEPS[type(node.kind)](node, where)


def _conv(node: Node, where: Where) -> int:
    x, *residual = node.inputs
    factors = [residual.pop(0)] if isinstance(node.kind, ScaledConv) else []
    (kind,) = convolutions(node.kind)
    plan = _plan(kind, x, node.output, where)
    extra, numbers = (_at(where, values[0]) if values else None for values in (residual, factors))
    packed, bias = _numbers(kind, plan)
    where.builder.conv(plan, _at(where, x), packed, bias, _at(where, node.output), extra, numbers)
    return 1


def _numbers(kind: Conv | ConvTranspose, plan: _core.ConvPlan) -> tuple[_core.PackedWeights, Array | None]:
    """What a convolution multiplies by and adds, as the core takes it."""
    packed = plan.pack(contiguous(kind.weights).reshape(plan.weights_shape))
    return packed, None if kind.bias is None else contiguous(kind.bias)


def _row_blocks(node: Node, where: Where) -> int:
    kind = node.kind
    assert isinstance(kind, RowBlocks)
    x, *residual = node.inputs
    convs: list[Any] = [
        (plan, *_numbers(conv, plan), [link[:4] for link in links])
        for plan, conv, links in zip(plans_of(kind, (where.block, *x.shape)), kind.convs, kind.links, strict=True)
    ]
    extra = _at(where, residual[0]) if residual else None
    where.builder.row_blocks(convs, kind.blocks, _at(where, x), _at(where, node.output), extra)
    return 1


def _plan(kind: Conv | ConvTranspose, x: Value, y: Value, where: Where) -> _core.ConvPlan:
    x_shape = where.block, *x.shape
    plan = plan_of(kind, x_shape)
    if where.places.is_whole(x) and where.places.is_whole(y):
        return plan
    problem, direction = problem_of(kind, x_shape)._asdict(), direction_of(kind)
    src, dst = (x, y) if direction == "forward" else (y, x)
    strides = [where.places.stride(value) for value in (src, dst)]
    return _core.ConvPlan(
        direction=direction, **problem, algorithm=plan.algorithm, src_stride=strides[0], dst_stride=strides[1]
    )


def _chain(node: Node, where: Where) -> int:
    kind, (x, *others) = node.kind, node.inputs
    assert isinstance(kind, Chain)
    pixels, rest = math.prod(x.shape[:-1]), iter(others)
    links = [(link.op, link.operand, link.alpha, link.beta) for link in kind.links]
    strides = [where.places.stride(value) for value in (x, node.output)]
    chain = _core.Chain("float32", where.block, pixels, x.shape[-1], links, *strides)  # type: ignore[arg-type]
    operands = [
        _at(where, next(rest)) if link.vector is None else link.vector
        for link in kind.links
        if link.operand not in ("none", "number")
    ]
    where.builder.chain(chain, _at(where, x), _at(where, node.output), operands)
    return 1


def _softmax(node: Node, where: Where) -> int:
    (x,) = node.inputs
    rows = where.block * x.size // x.shape[-1]
    where.builder.softmax(rows, x.shape[-1], _at(where, x), _at(where, node.output))
    return 1


def _layer_norm(node: Node, where: Where) -> int:
    kind, (x,) = node.kind, node.inputs
    assert isinstance(kind, LayerNorm)
    rows = where.block * x.size // x.shape[-1]
    ends = _at(where, x), _at(where, node.output)
    where.builder.row_normalize(rows, x.shape[-1], True, kind.epsilon, kind.gamma, kind.beta, *ends)
    return 1


def _resize(node: Node, where: Where) -> int:
    kind, (x,) = node.kind, node.inputs
    assert isinstance(kind, Resize)
    plan = resampling_of(kind, (where.block, *x.shape))
    where.builder.resample(plan, _at(where, x), _at(where, node.output))
    return 1


def resampling_of(kind: Resize, x_shape: tuple[int, ...]) -> _core.Resampling:
    """How the core brings a batch of this shape to another size."""
    batch, *sizes, channels = x_shape
    taps = kind.taps
    if len(taps) == 1:  # a signal is an image of one row
        taps, sizes = ((np.zeros((1, 1), np.int64), np.ones((1, 1))), *taps), [1, *sizes]
    (height, width), (rows, cols) = sizes, taps
    return _core.Resampling("float32", batch, height, width, channels, rows, cols)


def _pool(node: Node, where: Where) -> int:
    kind, (x,) = node.kind, node.inputs
    assert isinstance(kind, Pool)
    plan = pooling_of(kind, (where.block, *x.shape), *(where.places.stride(value) for value in (x, node.output)))
    where.builder.pool(plan, _at(where, x), _at(where, node.output))
    return 1


def pooling_of(kind: Pool, x_shape: tuple[int, ...], src_stride: int = 0, dst_stride: int = 0) -> _core.PoolPlan:
    """The core's plan for a batch of this shape, whose pixels and results lie so many floats apart; 0 means dense."""
    batch, *size, channels = x_shape
    arguments = batch, channels, size, kind.window, kind.strides, (1,) * len(size), kind.pads
    return _core.PoolPlan("program", kind.kind, "float32", *arguments, src_stride, dst_stride)


def _concat(node: Node, where: Where) -> int:
    kind, output = node.kind, node.output
    assert isinstance(kind, Concat)
    outer = math.prod(output.shape[: kind.axis])
    row, offset = output.size // outer, 0
    copies = 0
    channels = kind.axis == len(output.shape) - 1
    for value in node.inputs:
        inner = value.size // outer
        if not channels:
            copies += _copy(where, value, output, 0, offset, (outer, inner), (inner, 1), (row, 1))
        elif not where.places.lies_in(value, output, offset):
            strides = [(where.places.stride(each), 1) for each in (value, output)]
            copies += _copy(where, value, output, 0, offset, (outer, inner), *strides)
        offset += inner
    return copies


def _slice(node: Node, where: Where) -> int:
    kind, (x,), output = node.kind, node.inputs, node.output
    assert isinstance(kind, Slice)
    strides = _strides(x, where)
    offset = sum(begin * stride for begin, stride in zip(kind.begin, strides, strict=True))
    return _copy(where, x, output, offset, 0, output.shape, strides, _strides(output, where))


def _pad(node: Node, where: Where) -> int:
    kind, (x,), output = node.kind, node.inputs, node.output
    assert isinstance(kind, Pad)
    before, after = zip((0, 0), *kind.pads, strict=True)
    where.builder.pad(_at(where, x), _at(where, output), (where.block, *x.shape), before, after, kind.value)
    return 1


def _transpose(node: Node, where: Where) -> int:
    kind, (x,), output = node.kind, node.inputs, node.output
    assert isinstance(kind, Transpose)
    strides = _strides(x, where)
    return _copy(where, x, output, 0, 0, output.shape, [strides[axis] for axis in kind.axes], _strides(output, where))


def _reshape(_: Node, __: Where) -> int:
    """Nothing: the value is a view."""
    return 0


def _copy(
    where: Where,
    x: Value,
    y: Value,
    x_offset: int,
    y_offset: int,
    shape: Sequence[int],
    x_strides: Sequence[int],
    y_strides: Sequence[int],
) -> int:
    src, dst = _at(where, x, x_offset), _at(where, y, y_offset)
    samples = [where.places.sample(value) for value in (x, y)]
    where.builder.copy(src, dst, (where.block, *shape), (samples[0], *x_strides), (samples[1], *y_strides))
    return 1


def _at(where: Where, value: Value, offset: int = 0) -> tuple[int, int, int]:
    return where.places.place(value, offset)


def _strides(value: Value, where: Where) -> list[int]:
    """How many floats apart its elements lie along each axis."""
    *sizes, _ = value.shape
    pixel = where.places.stride(value)
    return [*(math.prod(sizes[axis + 1 :]) * pixel for axis in range(len(sizes))), 1]


_STEPS: dict[type[Any], Callable[[Node, Where], int]] = {
    Conv: _conv,
    ScaledConv: _conv,
    ConvTranspose: _conv,
    RowBlocks: _row_blocks,
    Pool: _pool,
    Chain: _chain,
    Softmax: _softmax,
    LayerNorm: _layer_norm,
    Resize: _resize,
    Concat: _concat,
    Slice: _slice,
    Pad: _pad,
    Transpose: _transpose,
    Reshape: _reshape,
}
