"""Padding of arrays by constants or by what stands at their borders."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import _core
from pyconv.arguments import number
from pyconv.gradient import Array, record
from pyconv.ops import geometry
from pyconv.ops.arrays import as_float, contiguous
from pyconv.results import empty

_MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def pad(x: ArrayLike, pad_width: Any, mode: Any = "constant", constant_values: float | None = None) -> Array:
    """A larger array with x in it and padding before and after each axis.

    Args:
        x: an array.
        pad_width: an integer for every side, a pair (before, after) for every axis, or one pair an axis.
        mode: "constant", "edge" (repeats the last element), "reflect" (mirrors at the last element), "symmetric"
            (mirrors behind it) or "wrap", as in `numpy.pad`.
        constant_values: the number to pad with in mode "constant", 0 by default.

    Returns:
        A new array of the dtype of x: float64 if that is float64, otherwise float32.

    Raises:
        TypeError: if x doesn't hold real numbers, a pad isn't an integer or constant_values isn't a number.
        ValueError: if pad_width or mode has another form, or constant_values is given with another mode.

    Example:
    >>> from pyconv import ops
    >>> ops.pad([1.0, 2.0, 3.0], (1, 2), mode="reflect")
    array([2., 1., 2., 3., 2., 1.], dtype=float32)
    """
    source = as_float("pad", "x", x)
    pairs = _pairs(pad_width, source.ndim)
    if not isinstance(mode, str) or mode not in _MODES:
        raise ValueError(f"pad: mode must be one of {', '.join(_MODES)}. Received: mode={mode!r}.")
    if mode == "constant":
        return _pad_constant(
            source, pairs, 0.0 if constant_values is None else number("pad", "constant_values", constant_values)
        )
    if constant_values is not None:
        raise ValueError(
            f'pad: constant_values belongs to mode="constant" alone. Received: mode={mode!r}, '
            f"constant_values={constant_values!r}."
        )
    return _pad_border(source, pairs, mode)


def _pad_constant(x: Array, pairs: geometry.Pads, value: float) -> Array:
    sizes = tuple(before + size + after for size, (before, after) in zip(x.shape, pairs, strict=True))
    geometry.require_addressable("pad", sizes)
    y = empty(sizes, x.dtype)
    _core.pad(contiguous(x), [before for before, _ in pairs], [after for _, after in pairs], value, y)
    inside = tuple(slice(before, before + size) for size, (before, _) in zip(x.shape, pairs, strict=True))
    record(y, (x, lambda dy: dy[inside]))
    return y


def _pad_border(x: Array, pairs: geometry.Pads, mode: Any) -> Array:
    if any(size == 0 and pair != (0, 0) for size, pair in zip(x.shape, pairs, strict=True)):
        raise ValueError(
            f"pad: mode={mode!r} can't pad an axis that has no elements. "
            f"Received: x.shape={x.shape}, pad_width={pairs}."
        )
    y = np.pad(x, pairs, mode)

    size, shape, dtype = x.size, x.shape, x.dtype

    def x_gradient(dy: Array) -> Array:
        # Where each element came from: padding positions along with the elements shows it.
        origin = np.pad(np.arange(size).reshape(shape), pairs, mode)
        sums = np.bincount(origin.ravel(), weights=dy.ravel(), minlength=size)
        return sums.reshape(shape).astype(dtype)

    record(y, (x, x_gradient))
    return y


def _pairs(pad_width: Any, ndim: int) -> geometry.Pads:
    """pad_width as one (before, after) an axis; like NumPy, one integer or pair alone serves every axis."""
    if geometry.is_sequence(pad_width):
        items = tuple(pad_width)
        if not any(geometry.is_sequence(item) for item in items):
            items = (items,)
        if len(items) not in (1, ndim):
            raise ValueError(
                f"pad: pad_width must be an integer, a (before, after) pair or {ndim} pairs, one for each axis of x. "
                f"Received: pad_width={pad_width!r}."
            )
    else:
        items = (pad_width,)
    pairs = [geometry.int_tuple("pad", "pad_width", item, rank=2, minimum=0) for item in items]
    return tuple((before, after) for before, after in pairs * (ndim if len(pairs) == 1 else 1))


def crop(x: Array, pairs: geometry.Pads) -> Array:
    """What is left when (before, after) elements of each axis are cut off: the inverse of `pad`."""
    inside = tuple(slice(before, size - after) for size, (before, after) in zip(x.shape, pairs, strict=True))
    y = x[inside].copy()

    shape, dtype = x.shape, x.dtype

    def gradient(dy: Array) -> Array:
        dx = np.zeros(shape, dtype)
        dx[inside] = dy
        return dx

    record(y, (x, gradient))
    return y
