"""What the operations accept as an array: the one place where foreign data are let in. No arithmetic."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconv.gradient import Array, record, recording
from pyconv.operators import TracedArray
from pyconv.results import empty
from pyconv.variable import Variable

_MOST_CLASSES = 2**31
_KINDS = "fiub"  # floating point, integers, unsigned integers, bool
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def as_float(op: str, name: str, x: ArrayLike) -> Array:
    """The argument `name` of `op` as an array of float32 or float64 in native byte order.

    float32 and float64 arrays keep their dtype and come back without a copy, whatever their strides. Other
    numbers, and with them lists and Python scalars, become float32, as in Keras. A change of dtype is an
    operation like any other to a `Tape`.

    Raises:
        TypeError: if x doesn't hold real numbers (None, complex, strings, objects, dates, masked arrays).
        ValueError: if x is a ragged list.

    Example:
    >>> from pyconv.ops.arrays import as_float
    >>> as_float("conv", "bias", [1, 2])
    array([1., 2.], dtype=float32)
    """
    if type(x) is np.ndarray and x.dtype in _FLOATS:
        return x  # as it nearly always is, at a twentieth of the cost of what follows
    array = _as_array(op, name, x)
    if array.dtype.kind not in _KINDS:
        raise TypeError(f"{op}: {name} must hold real numbers. Received: {_describe(x, array)}.")
    keeps_double = hasattr(x, "dtype") and array.dtype.kind == "f" and array.dtype.itemsize >= 8
    return _cast(array, np.float64 if keeps_double else np.float32)


def as_floats(op: str, **arrays: ArrayLike) -> tuple[Array, ...]:
    """The named arguments of `op` with one dtype in common: float64 if any array among them is, else float32.

    Example:
    >>> import numpy as np
    >>> from pyconv.ops.arrays import as_floats
    >>> x, kernel = as_floats("conv", inputs=np.zeros(2, np.float32), kernel=np.zeros(3, np.float64))
    >>> x.dtype, kernel.dtype
    (dtype('float64'), dtype('float64'))
    """
    # A Python number has no dtype of its own: beside float64 it mustn't be rounded to float32 first.
    floats = {name: as_float(op, name, x) for name, x in arrays.items() if type(x) not in (int, float)}
    common = np.float64 if any(x.dtype == np.float64 for x in floats.values()) else np.float32
    return tuple(_cast(floats[name], common) if name in floats else np.asarray(x, common) for name, x in arrays.items())


def like(x: Array) -> Array:
    """An array for a result, of the shape and dtype of x; as `out=` it keeps that dtype, and an array without axes."""
    return empty(x.shape, x.dtype)


def as_classes(op: str, name: str, x: ArrayLike, num_classes: int | None = None) -> NDArray[np.int64]:
    """The argument `name` of `op` as class numbers, whole numbers in 0..num_classes - 1 of any dtype.

    Raises:
        TypeError: if x doesn't hold real numbers.
        ValueError: if one of them is no class.

    Example:
    >>> from pyconv.ops.arrays import as_classes
    >>> as_classes("loss", "y_true", [2.0, 0.0], num_classes=3)
    array([2, 0])
    """
    array = _as_array(op, name, x)
    if array.dtype.kind not in _KINDS and array.size:
        raise TypeError(f"{op}: {name} must hold class numbers. Received: {_describe(x, array)}.")
    # A NaN is no class, so every comparison asks for what must be true.
    whole = array.dtype.kind != "f" or bool(np.all(array == np.floor(array)))
    end = _MOST_CLASSES if num_classes is None else num_classes
    if array.size and not (whole and array.min() >= 0 and array.max() < end):
        raise ValueError(
            f"{op}: {name} must hold class numbers, whole ones in 0..{end - 1}. "
            f"Received: numbers from {array.min()} to {array.max()}."
        )
    return array.astype(np.int64)


def contiguous(x: Array) -> Array:
    """The array as the core reads it, C-contiguous and aligned; x itself where it is so already."""
    flags = x.flags
    return x if flags.c_contiguous and flags.aligned else x.copy(order="C")


def checked_out(
    op: str, out: Array, shape: tuple[int, ...], dtype: np.dtype[Any], *inputs: Array | Variable | None
) -> Array:
    """The argument `out` of `op`, if a result of this shape and dtype can be written there beside the inputs.

    Raises:
        TypeError: if it isn't an array.
        ValueError: if it doesn't fit, shares memory with an input, or a tape records in this thread.
    """
    if recording():
        raise ValueError(f"{op}: out must not be given while a Tape records, it tells results apart as new arrays.")
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{op}: out must be an array. Received: {type(out).__name__}.")
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(
            f"{op}: out must have the result's shape {shape} and dtype {dtype}. "
            f"Received: out.shape={out.shape}, out.dtype={out.dtype}."
        )
    if not out.flags.carray:
        raise ValueError(f"{op}: out must be C-contiguous, aligned and writeable. Received: {_flags(out)}.")
    for x in inputs:
        if x is not None and np.may_share_memory(out, x.value if isinstance(x, Variable) else x):
            raise ValueError(f"{op}: out must not share memory with an argument.")
    return out


def dtype_name(dtype: np.dtype[Any]) -> Literal["float32", "float64"]:
    """The core's name for the dtype of an array that came through `as_float`."""
    return "float64" if dtype == np.float64 else "float32"


def _as_array(op: str, name: str, x: ArrayLike) -> Array:
    if isinstance(x, Variable | TracedArray):
        return x.value
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{op}: {name} must not be a masked array, its mask would be lost. Use x.filled(value).")
    try:
        return np.asarray(x)
    except ValueError as error:
        raise ValueError(f"{op}: {name} must be an array or a list whose rows are equally long. {error}") from error


def _cast(x: Array, dtype: type[np.float32] | type[np.float64]) -> Array:
    if x.dtype == dtype:
        return x
    y = x.astype(dtype)
    if x.dtype.kind == "f":
        before = x.dtype
        record(y, (x, lambda dy: dy.astype(before)))
    return y


def _flags(x: Array) -> str:
    names = ("c_contiguous", "aligned", "writeable")
    return ", ".join(f"{name}={getattr(x.flags, name)}" for name in names)


def _describe(x: object, array: Array) -> str:
    return f"an array of dtype {array.dtype}" if isinstance(x, np.ndarray) else f"{type(x).__name__} {x!r:.60}"
