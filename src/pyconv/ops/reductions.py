"""Operations along axes: sums, means, and softmax, whose results depend on all elements of an axis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import _core
from pyconv.arguments import number
from pyconv.gradient import Array, PullBack, record
from pyconv.ops.arrays import as_float, contiguous, like
from pyconv.ops.geometry import axis_tuple


def sum(x: ArrayLike, axis: Any = None, keepdims: bool = False) -> Array:
    """The sum over axes.

    Args:
        x: an array.
        axis: the axis or axes to sum over, None for all.
        keepdims: whether they stay, with size one.

    Returns:
        An array of the dtype of x, without axes if all are summed over.

    Raises:
        ValueError: if x has no such axis.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> ops.sum(np.ones((2, 3, 4), np.float32), axis=(1, 2))
    array([12., 12.], dtype=float32)
    """
    source = as_float("sum", "x", x)
    return _scaled_sum(source, axis_tuple("sum", axis, source.ndim), keepdims, 1.0)


def mean(x: ArrayLike, axis: Any = None, keepdims: bool = False) -> Array:
    """The mean over axes; arguments and results as in `sum`.

    Raises:
        ValueError: if x has no such axis, or there is nothing along it.

    Example:
    >>> from pyconv import ops
    >>> ops.mean([[1.0, 2.0], [5.0, 6.0]], axis=0)
    array([3., 4.], dtype=float32)
    """
    source = as_float("mean", "x", x)
    return mean_over("mean", source, axis_tuple("mean", axis, source.ndim), keepdims)


def mean_over(op: str, x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    """`mean` of an array that came through `as_float`, for the operation `op`, which errors name."""
    if (count := math.prod(x.shape[item] for item in axes)) == 0:
        raise ValueError(f"{op}: axis must hold elements of x. Received: x.shape={x.shape}, axis={axes}.")
    return _scaled_sum(x, axes, keepdims, 1.0 / count)


def max(x: ArrayLike, axis: Any = None, keepdims: bool = False, initial: float | None = None) -> Array:
    """The largest number along axes; equal ones share the gradient.

    Args:
        x: an array.
        axis: as in `sum`.
        keepdims: as in `sum`.
        initial: a number that counts as one more, and is the result where there is nothing else.

    Raises:
        ValueError: if x has no such axis, or there is nothing along it.

    Example:
    >>> from pyconv import ops
    >>> ops.max([[1.0, 2.0], [5.0, 6.0]], axis=0)
    array([5., 6.], dtype=float32)
    """
    return _extremum("max", np.max, x, axis, keepdims, initial)


def min(x: ArrayLike, axis: Any = None, keepdims: bool = False, initial: float | None = None) -> Array:
    """The smallest number along axes; arguments, results and errors as in `max`."""
    return _extremum("min", np.min, x, axis, keepdims, initial)


def softmax(x: ArrayLike, axis: Any = -1) -> Array:
    """exp(x) / sum(exp(x)) along an axis, computed so that it never overflows.

    Args:
        x: an array.
        axis: the axis or axes along which the results sum to one.

    Raises:
        ValueError: if x has no such axis.

    Example:
    >>> from pyconv import ops
    >>> ops.softmax([1000, 1000])
    array([0.5, 0.5], dtype=float32)
    """
    source = as_float("softmax", "x", x)
    axes = axis_tuple("softmax", axis, source.ndim)
    if axes == (source.ndim - 1,):
        y = _core.softmax(contiguous(source))
    else:
        y = _shifted(source, axes)
        np.exp(y, out=y)
        y /= y.sum(axis=axes, keepdims=True)
    record(y, (source, SoftmaxGradient(y, axes)))
    return y


class SoftmaxGradient(PullBack):
    """From the gradient of y = softmax(x) to that of x; a loss that follows may know a shorter way."""

    def __init__(self, y: Array, axes: tuple[int, ...]) -> None:
        self.y, self.axes = y, axes

    def __call__(self, dy: Array) -> Array:
        gradient: Array = self.y * (dy - (dy * self.y).sum(axis=self.axes, keepdims=True))
        return gradient


def log_softmax(x: ArrayLike, axis: Any = -1) -> Array:
    """log(softmax(x)), finite also where softmax is too small for a float.

    Args:
        x: an array.
        axis: the axis or axes along which softmax sums to one.

    Raises:
        ValueError: if x has no such axis.
    """
    source = as_float("log_softmax", "x", x)
    axes = axis_tuple("log_softmax", axis, source.ndim)
    y = _shifted(source, axes)
    y -= np.log(np.exp(y).sum(axis=axes, keepdims=True))
    record(y, (source, lambda dy: dy - np.exp(y) * dy.sum(axis=axes, keepdims=True)))
    return y


def _extremum(op: str, function: Any, x: ArrayLike, axis: Any, keepdims: bool, initial: float | None) -> Array:
    source = as_float(op, "x", x)
    axes = axis_tuple(op, axis, source.ndim)
    if initial is None and 0 in (source.shape[item] for item in axes):
        raise ValueError(f"{op}: axis must hold elements of x. Received: x.shape={source.shape}, axis={axis!r}.")
    start = {} if initial is None else {"initial": number(op, "initial", initial)}
    kept = np.asarray(function(source, axis=axes, keepdims=True, **start), source.dtype)
    y = kept.reshape(_reduced(kept.shape, axes, keepdims))

    def gradient(dy: Array) -> Array:
        winners = source == kept
        share = dy.reshape(kept.shape) / np.maximum(winners.sum(axis=axes, keepdims=True), 1)
        return np.where(winners, share, 0).astype(source.dtype)

    record(y, (source, gradient))
    return y


def _reduced(kept: tuple[int, ...], axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    return kept if keepdims else tuple(n for axis, n in enumerate(kept) if axis not in axes)


def _scaled_sum(x: Array, axes: tuple[int, ...], keepdims: bool, scale: float) -> Array:
    # Added up in float64: NumPy adds whole rows one by one, and over many of them float32 would lose digits.
    # An array also where it has no axes: NumPy's scalars are new objects at every turn, which a tape can't follow.
    kept = np.asarray(x.sum(axis=axes, keepdims=True, dtype=np.float64) * scale, x.dtype)
    y: Array = kept.reshape(_reduced(kept.shape, axes, keepdims))
    shape, factor = x.shape, x.dtype.type(scale)
    record(y, (x, lambda dy: np.broadcast_to(dy.reshape(kept.shape) * factor, shape).copy()))
    return y


def _shifted(x: Array, axes: tuple[int, ...]) -> Array:
    """The array minus its maximum along the axes. Infinities give NaN quietly: there is no other answer."""
    largest = x.max(axis=axes, keepdims=True, initial=-np.inf)
    y = like(x)
    with np.errstate(invalid="ignore"):
        np.subtract(x, largest, out=y)
    return y
