"""Arithmetic on each element, with broadcasting."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx import memory
from pyconv.onnx.operators.floats import as_dtype_of
from pyconv.onnx.registry import operator


def broadcast_size(*arrays: Array) -> None:
    """Refuses operands whose broadcast result would be too large."""
    shapes = [array.shape for array in arrays]
    if len({*shapes}) > 1:
        memory.checked(memory.broadcast(*shapes), arrays[0].dtype)


def _truncated(a: Array, b: Array) -> Array:
    """Whole numbers divide as in C++, towards zero, and by zero give zero rather than an end of the process."""
    if a.dtype.kind not in "iu":
        return np.asarray(np.divide(a, b))
    quotient = np.floor_divide(a, b)
    # Where the signs differ and something is left over, the floor is one too low.
    low: Array = ((quotient * b != a) & ((a < 0) != (b < 0)) & (b != 0)).astype(a.dtype)
    return np.asarray(quotient + low)


_BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": _truncated,
}


def _binary(name: str, function: Callable[[Array, Array], Array]) -> None:
    @operator(name, since=7, layout="broadcast")
    def plain(a: Array, b: Array) -> Array:
        broadcast_size(a, b)
        return as_dtype_of(function(a, b), a)

    @operator(name)
    def aligned(a: Array, b: Array, *, axis: Any = None, broadcast: int = 0) -> Array:
        """Before version 7 the second operand's axes began at `axis` of the first."""
        if broadcast and axis is not None:
            b = b.reshape(b.shape + (1,) * (a.ndim - axis % a.ndim - b.ndim))
        return plain(a, b)


for _name, _function in _BINARY.items():
    _binary(_name, _function)


@operator("Pow", layout="broadcast")
def power(x: Array, exponent: Array) -> Array:
    broadcast_size(x, exponent)
    if x.dtype.kind in "iu" and exponent.dtype.kind == "i" and (exponent < 0).any():
        return np.power(x.astype(np.float64), exponent).astype(x.dtype)
    return as_dtype_of(np.power(x, exponent), x)


@operator("Mod", layout="broadcast")
def modulo(a: Array, b: Array, *, fmod: int = 0) -> Array:
    broadcast_size(a, b)
    return as_dtype_of(np.fmod(a, b) if fmod else np.mod(a, b), a)


def _variadic(name: str, function: Callable[[Array, Array], Array]) -> None:
    @operator(name, layout="broadcast")
    def reduced(*arrays: Array) -> Array:
        broadcast_size(*arrays)
        return as_dtype_of(functools.reduce(function, arrays), arrays[0])


_variadic("Max", np.maximum)
_variadic("Min", np.minimum)
_variadic("Sum", np.add)


@operator("Mean", layout="broadcast")
def mean(*arrays: Array) -> Array:
    broadcast_size(*arrays)
    return as_dtype_of(functools.reduce(np.add, arrays) / len(arrays), arrays[0])


_UNARY: dict[str, Callable[[Array], Array]] = {
    "Abs": np.abs,
    "Acos": np.arccos,
    "Acosh": np.arccosh,
    "Asin": np.arcsin,
    "Asinh": np.arcsinh,
    "Atan": np.arctan,
    "Atanh": np.arctanh,
    "Ceil": np.ceil,
    "Cos": np.cos,
    "Cosh": np.cosh,
    "Exp": np.exp,
    "Floor": np.floor,
    "Log": np.log,
    "Neg": np.negative,
    "Reciprocal": np.reciprocal,
    "Round": np.rint,
    "Sign": np.sign,
    "Sin": np.sin,
    "Sinh": np.sinh,
    "Sqrt": np.sqrt,
    "Tan": np.tan,
}


def _unary(name: str, function: Callable[[Array], Array]) -> None:
    operator(name, layout="elementwise")(lambda x: as_dtype_of(function(x), x))


for _name, _single in _UNARY.items():
    _unary(_name, _single)
