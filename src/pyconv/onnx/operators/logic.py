"""Comparisons, logic, and the choice between two arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx.operators.arithmetic import broadcast_size
from pyconv.onnx.registry import operator

_BINARY: dict[str, Callable[[Array, Array], Any]] = {
    "And": np.logical_and,
    "BitwiseAnd": np.bitwise_and,
    "BitwiseOr": np.bitwise_or,
    "BitwiseXor": np.bitwise_xor,
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Or": np.logical_or,
    "Xor": np.logical_xor,
}


def _binary(name: str, function: Callable[[Array, Array], Any]) -> None:
    @operator(name, layout="broadcast")
    def plain(a: Array, b: Array) -> Array:
        broadcast_size(a, b)
        return np.asarray(function(a, b))


for _name, _function in _BINARY.items():
    _binary(_name, _function)


@operator("Where", layout="broadcast")
def where(condition: Array, x: Array, y: Array) -> Array:
    broadcast_size(x, condition, y)
    return np.where(condition, x, y)


@operator("Not", layout="elementwise")
def logical_not(x: Array) -> Array:
    return np.logical_not(x)


@operator("BitwiseNot", layout="elementwise")
def bitwise_not(x: Array) -> Array:
    return np.bitwise_not(x)


@operator("IsNaN", layout="elementwise")
def is_nan(x: Array) -> Array:
    return np.isnan(x)


@operator("IsInf", layout="elementwise")
def is_inf(x: Array, *, detect_negative: int = 1, detect_positive: int = 1) -> Array:
    wanted = (x > 0) & bool(detect_positive) | (x < 0) & bool(detect_negative)
    return np.isinf(x) & wanted


@operator("BitShift", layout="broadcast")
def bit_shift(a: Array, b: Array, *, direction: str) -> Array:
    broadcast_size(a, b)
    return np.left_shift(a, b) if direction == "LEFT" else np.right_shift(a, b)
