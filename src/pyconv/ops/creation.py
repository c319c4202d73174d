"""Arrays from nothing or from other things. Nothing here is differentiated but `cast`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from pyconv import config
from pyconv.gradient import Array, record
from pyconv.ops import geometry
from pyconv.ops.arrays import as_float


def convert_to_tensor(x: Any, dtype: DTypeLike | None = None, sparse: Any = None, ragged: Any = None) -> Array:
    """Makes an array of x, of its own dtype unless another is given; Python's floats become `pyconv.config.floatx()`.

    Args:
        x: an array, a number, a list, a weight.
        dtype: the array's dtype.
        sparse: must not be true: there are no sparse arrays.
        ragged: must not be true either.

    Raises:
        ValueError: if a sparse or ragged array is asked for.

    Example:
    >>> from pyconv import ops
    >>> ops.convert_to_tensor([1.0, 2.0])
    array([1., 2.], dtype=float32)
    """
    if sparse or ragged:
        raise ValueError(f"convert_to_tensor: arrays are dense. Received: sparse={sparse}, ragged={ragged}.")
    array = np.asarray(x)
    if dtype is None and array.dtype == np.float64 and not hasattr(x, "dtype"):
        dtype = config.floatx()
    return array if dtype is None or array.dtype == dtype else cast(array, dtype)


def convert_to_numpy(x: Any) -> Array:
    """The NumPy array that x is as a rule."""
    return np.asarray(x)


def cast(x: Any, dtype: DTypeLike) -> Array:
    """Converts x to another dtype; between floating dtypes the gradient goes back through it.

    Example:
    >>> from pyconv import ops
    >>> ops.cast([1.7, -1.7], "int32")
    array([ 1, -1], dtype=int32)
    """
    source = np.asarray(x)
    y = source.astype(dtype)
    if source.dtype.kind == "f" and y.dtype.kind == "f":
        before = source.dtype
        record(y, (source, lambda dy: dy.astype(before)))
    return y


def stop_gradient(variable: Any) -> Array:
    """The same numbers, as a constant: no gradient goes back through the result.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> from pyconv.gradient import Tape
    >>> x = np.array([3.0])
    >>> with Tape([x]) as tape:
    ...     y = ops.multiply(ops.stop_gradient(x), x)
    >>> tape.gradient(y)
    [array([3.])]
    """
    return np.asarray(variable).view()


def shape(x: Any) -> tuple[int | None, ...]:
    """The sizes of x along its axes."""
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def zeros(shape: int | Sequence[int], dtype: DTypeLike | None = None) -> Array:
    """Zeros of a shape; their dtype is `pyconv.config.floatx()` by default."""
    return np.zeros(_sizes("zeros", shape), _dtype("zeros", dtype))


def ones(shape: int | Sequence[int], dtype: DTypeLike | None = None) -> Array:
    """Ones of a shape; their dtype is `pyconv.config.floatx()` by default."""
    return np.ones(_sizes("ones", shape), _dtype("ones", dtype))


def full(shape: int | Sequence[int], fill_value: ArrayLike, dtype: DTypeLike | None = None) -> Array:
    """One number, or what can be broadcast, in all places of a shape; by default of `pyconv.config.floatx()`."""
    sizes, kind = _sizes("full", shape), _dtype("full", dtype)
    as_float("full", "fill_value", fill_value)  # which refuses what holds no real numbers
    try:
        return np.full(sizes, fill_value, kind)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"full: fill_value must fit shape and dtype. {error}. "
            f"Received: shape={sizes}, fill_value={fill_value!r:.60}, dtype={kind}."
        ) from None


def zeros_like(x: ArrayLike, dtype: DTypeLike | None = None) -> Array:
    """Zeros of the shape of x, and of its dtype unless another is given."""
    return np.zeros_like(as_float("zeros_like", "x", x), None if dtype is None else _dtype("zeros_like", dtype))


def ones_like(x: ArrayLike, dtype: DTypeLike | None = None) -> Array:
    """Ones of the shape of x, and of its dtype unless another is given."""
    return np.ones_like(as_float("ones_like", "x", x), None if dtype is None else _dtype("ones_like", dtype))


def _dtype(op: str, dtype: DTypeLike | None) -> np.dtype[Any]:
    """The argument `dtype` of `op`, None standing for `pyconv.config.floatx()`: a dtype that numbers can have."""
    try:
        found: np.dtype[Any] = np.dtype(config.floatx() if dtype is None else dtype)
    except (TypeError, ValueError, SyntaxError):  # SyntaxError: a text that NumPy tries to read as a list of dtypes
        found = np.dtype(object)
    if found.kind not in "fiubc":
        raise TypeError(f"{op}: dtype must be one of numbers, as float32. Received: dtype={dtype!r:.60}.")
    return found


def _sizes(op: str, shape: int | Sequence[int]) -> tuple[int, ...]:
    sizes = shape if geometry.is_sequence(shape) else (shape,)
    found = tuple(geometry.integer(op, "shape", size, minimum=0, maximum=sys.maxsize) for size in sizes)
    geometry.require_addressable(op, found)
    return found
