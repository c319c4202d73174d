"""Nodes as steps of the core: one function a kind. A kind without one is computed by the interpreter."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pyconv import _core
from pyconv.ops.arrays import contiguous
from pyconv.ops.conv_plans import plan_for
from pyconv.program.graph import Node, Value
from pyconv.program.interpreter import problem_of
from pyconv.program.kinds import Concat, Conv, Pool, Reshape, Slice, Transpose
from pyconv.program.storage import Placement


class Where(NamedTuple):
    """What a step is made with: the builder, the places, the step's number and its samples."""

    builder: _core.ProgramBuilder
    places: Placement
    step: int
    block: int


def has_step(node: Node) -> bool:
    """Whether the core has a step for a node."""
    variable = all(value.constant is None for value in node.inputs)
    return type(node.kind) in _STEPS and variable and all(value.size > 0 for value in (*node.inputs, *node.outputs))


def add_step(node: Node, where: Where) -> None:
    """Adds the steps of a node to the builder's."""
    _STEPS[type(node.kind)](node, where)


def _conv(node: Node, where: Where) -> None:
    kind = node.kind
    assert isinstance(kind, Conv)
    x, *residual = node.inputs
    plan = plan_for(_core.get_isa(), "forward", problem_of(kind, (where.block, *x.shape)))
    packed = plan.pack(contiguous(kind.weights).reshape(plan.weights_shape))
    bias = None if kind.bias is None else contiguous(kind.bias)
    extra = _at(where, residual[0]) if residual else None
    where.builder.conv(plan, _at(where, x), packed, bias, _at(where, node.output), extra)


def _pool(node: Node, where: Where) -> None:
    kind = node.kind
    assert isinstance(kind, Pool)
    (x,) = node.inputs
    *size, channels = x.shape
    dense = (1,) * len(size)
    plan = _core.PoolPlan(
        "program", kind.kind, "float32", where.block, channels, size, kind.window, kind.strides, dense, kind.pads
    )
    where.builder.pool(plan, _at(where, x), _at(where, node.output))


def _concat(node: Node, where: Where) -> None:
    kind, output = node.kind, node.output
    assert isinstance(kind, Concat)
    outer = math.prod(output.shape[: kind.axis])
    row, offset = output.size // outer, 0
    for value in node.inputs:
        inner = value.size // outer
        _copy(where, value, output, 0, offset, (outer, inner), (inner, 1), (row, 1))
        offset += inner


def _slice(node: Node, where: Where) -> None:
    kind, (x,), output = node.kind, node.inputs, node.output
    assert isinstance(kind, Slice)
    strides = _strides(x.shape)
    offset = sum(begin * stride for begin, stride in zip(kind.begin, strides, strict=True))
    _copy(where, x, output, offset, 0, output.shape, strides, _strides(output.shape))


def _transpose(node: Node, where: Where) -> None:
    kind, (x,), output = node.kind, node.inputs, node.output
    assert isinstance(kind, Transpose)
    strides = _strides(x.shape)
    _copy(where, x, output, 0, 0, output.shape, [strides[axis] for axis in kind.axes], _strides(output.shape))


def _reshape(_: Node, __: Where) -> None:
    """Nothing: the value is a view."""


def _copy(
    where: Where,
    x: Value,
    y: Value,
    x_offset: int,
    y_offset: int,
    shape: Sequence[int],
    x_strides: Sequence[int],
    y_strides: Sequence[int],
) -> None:
    src, dst = _at(where, x, x_offset), _at(where, y, y_offset)
    where.builder.copy(src, dst, (where.block, *shape), (x.size, *x_strides), (y.size, *y_strides))


def _at(where: Where, value: Value, offset: int = 0) -> tuple[int, int, int]:
    return where.places.place(value, where.step, offset)


def _strides(shape: Sequence[int]) -> list[int]:
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


_STEPS: dict[type[Any], Callable[[Node, Where], None]] = {
    Conv: _conv,
    Pool: _pool,
    Concat: _concat,
    Slice: _slice,
    Transpose: _transpose,
    Reshape: _reshape,
}
