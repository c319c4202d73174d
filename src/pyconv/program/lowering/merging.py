"""Layers and operations of several arrays: sums, products, concatenation, Python's operators on symbolic tensors."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from pyconv import tree
from pyconv.ops.geometry import axis_tuple
from pyconv.program.graph import Value
from pyconv.program.kinds import Binary, Concat
from pyconv.program.lowering.registry import Lowering, NotLoweredError, constant, lowers, lowers_operation
from pyconv.variable import Variable

_MERGES = {"Add": "add", "Multiply": "mul", "Maximum": "max", "Minimum": "min", "Subtract": "sub", "Average": "add"}
_OPERATIONS = {
    "add": "add",
    "subtract": "sub",
    "multiply": "mul",
    "divide": "div",
    "true_divide": "div",
    "maximum": "max",
    "minimum": "min",
}


@lowers(*_MERGES)
def merge(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    kind = Binary(_MERGES[type(layer).__name__])
    if len(inputs) < 2 or len({len(value.shape) for value in inputs}) > 1:
        raise NotLoweredError  # of unequal ranks the batch axes don't meet
    y = functools.reduce(lambda a, b: to.add(kind, a, b), inputs)
    return to.add(Binary("mul"), y, constant(1 / len(inputs))) if type(layer).__name__ == "Average" else y


@lowers("Concatenate")
def concatenate(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    return _joined(to, layer.axis, inputs)


@lowers_operation(*_OPERATIONS)
def binary(to: Lowering, settings: Any, arguments: list[Any]) -> Value:
    function, settings = settings
    if settings or len(arguments) != 2:
        raise NotLoweredError
    a, b = (_operand(to, argument) for argument in arguments)
    if a.constant is not None and b.constant is not None:
        raise NotLoweredError
    both = a.constant is None and b.constant is None
    rank = max(len(value.shape) for value in (a, b) if value.constant is None)
    if (both and len(a.shape) != len(b.shape)) or any(len(value.shape) > rank for value in (a, b)):
        raise NotLoweredError
    return to.add(Binary(_OPERATIONS[function]), a, b)


@lowers_operation("concatenate")
def concatenate_operation(to: Lowering, settings: Any, arguments: list[Any]) -> Value:
    _, settings = settings
    if len(arguments) != 1 or not isinstance(arguments[0], list | tuple) or settings.keys() - {"axis"}:
        raise NotLoweredError
    values = [_operand(to, argument) for argument in arguments[0]]
    if any(value.constant is not None for value in values):
        raise NotLoweredError
    return _joined(to, settings.get("axis", 0), values)


def _joined(to: Lowering, axis: Any, inputs: list[Value]) -> Value:
    (place,) = axis_tuple("concatenate", axis, len(inputs[0].shape) + 1)
    if place == 0 or len({len(value.shape) for value in inputs}) > 1:
        raise NotLoweredError
    return inputs[0] if len(inputs) == 1 else to.add(Concat(place - 1), *inputs)


def _operand(to: Lowering, argument: Any) -> Value:
    """An argument as a value: a number or an array of float32 is a constant."""
    if isinstance(argument, Value):
        return argument
    if isinstance(argument, Variable):
        argument = to.read(argument)
    if isinstance(argument, list | tuple) and all(type(leaf) in (int, float) for leaf in tree.flatten(argument)):
        return constant(argument)
    if isinstance(argument, bool) or not isinstance(argument, int | float | np.ndarray | np.float32):
        raise NotLoweredError
    if isinstance(argument, np.ndarray) and argument.dtype != np.float32:
        raise NotLoweredError  # float64 makes a result of float64
    return constant(argument)
