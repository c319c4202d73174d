"""Constants, and numbers in another type."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx import memory
from pyconv.onnx.operators.windows import Sizes
from pyconv.onnx.registry import operator
from pyconv.onnx.tensors import dtype_of


@operator("Constant")
def constant(
    *,
    value: Array | None = None,
    value_float: float | None = None,
    value_floats: tuple[float, ...] | None = None,
    value_int: int | None = None,
    value_ints: Sizes = None,
    value_string: str | None = None,
    value_strings: tuple[str, ...] | None = None,
) -> Array:
    if value is not None:
        return value
    for given, dtype in ((value_float, np.float32), (value_floats, np.float32), (value_int, np.int64)):
        if given is not None:
            return np.array(given, dtype)
    return np.array(value_ints, np.int64) if value_ints is not None else np.array(value_string or value_strings, object)


@operator("ConstantOfShape")
def constant_of_shape(shape: Array, *, value: Array | None = None) -> Array:
    number = np.zeros(1, np.float32) if value is None else value
    return np.full(memory.checked(shape.ravel().tolist(), number.dtype), number.item(), number.dtype)


@operator("Cast", layout="elementwise")
def cast(x: Array, *, to: int, saturate: int = 1, round_mode: str = "up") -> Array:
    return _converted(x, dtype_of(to), bool(saturate))


@operator("CastLike", layout="elementwise")
def cast_like(x: Array, other: Array, *, saturate: int = 1, round_mode: str = "up") -> Array:
    return _converted(x, other.dtype, bool(saturate))


def _converted(x: Array, dtype: np.dtype[Any], saturate: bool) -> Array:
    """The numbers in another dtype; texts of numbers, and numbers as texts, too."""
    if x.dtype == dtype:
        return x
    if dtype.kind == "O":
        return np.array([_text(item) for item in x.ravel().tolist()], object).reshape(x.shape)
    if x.dtype.kind == "O":
        return np.array([float(item) for item in x.ravel()], np.float64).reshape(x.shape).astype(dtype)
    if dtype.name not in _PLAIN:
        # Their roundings and bounds are rules of their own, which networks on a CPU have no use for.
        raise ValueError(f"Cast: pyconv doesn't convert {x.dtype} to {dtype}.")
    return x.astype(dtype)


_PLAIN = {"bool", "bfloat16", *(f"float{bits}" for bits in (16, 32, 64))}
_PLAIN |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}


def _text(number: Any) -> str:
    return number if isinstance(number, str) else f"{number:.8g}" if isinstance(number, float) else str(number)


@operator("EyeLike")
def eye_like(x: Array, *, dtype: int | None = None, k: int = 0) -> Array:
    rows, columns = x.shape
    return np.eye(rows, columns, max(-rows, min(k, columns)), x.dtype if dtype is None else dtype_of(dtype))


@operator("Range")
def arange(start: Array, limit: Array, delta: Array) -> Array:
    first, step = start.item(), delta.item()
    count = max(int(np.ceil((limit.item() - first) / step)), 0)
    memory.checked((count,), np.float64)
    numbers = np.arange(count, dtype=np.int64 if start.dtype.kind in "iu" else np.float64)
    y: Array = (first + numbers * step).astype(start.dtype)
    return y


@operator("OneHot")
def one_hot(indices: Array, depth: Array, values: Array, *, axis: int = -1) -> Array:
    count = int(depth.item())
    memory.checked((*indices.shape, count), values.dtype)
    place = range(indices.ndim + 1)[axis]
    classes: Array = np.where(indices < 0, indices + count, indices)
    hot = np.expand_dims(classes, place) == np.arange(count).reshape(-1, *(1,) * (indices.ndim - place))
    y: Array = np.where(hot, values[1], values[0])
    return y


@operator("Trilu")
def triangle(x: Array, k: Array | None = None, *, upper: int = 1) -> Array:
    size = max(x.shape[-2:])
    diagonal = 0 if k is None else max(-size, min(int(k.item()), size))
    rows, columns = np.ogrid[: x.shape[-2], : x.shape[-1]]
    kept = columns - rows >= diagonal if upper else columns - rows <= diagonal
    return np.where(kept, x, x.dtype.type(0))
