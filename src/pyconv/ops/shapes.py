"""The same numbers in another shape or order of axes. No arithmetic."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from pyconv import _core
from pyconv.arguments import ArgumentTypeError
from pyconv.gradient import Array, record
from pyconv.ops import geometry
from pyconv.ops.arrays import as_float, as_floats, contiguous
from pyconv.results import empty


def reshape(x: ArrayLike, newshape: int | Sequence[int]) -> Array:
    """The numbers of x, row by row, in a new shape.

    Args:
        x: an array.
        newshape: the new shape; one size may be -1, which is then worked out from the others.

    Raises:
        ValueError: if the numbers don't fill the new shape exactly.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> ops.reshape(np.ones((2, 3, 4)), (2, -1)).shape
    (2, 12)
    """
    source = as_float("reshape", "x", x)
    shape = newshape if geometry.is_sequence(newshape) else (newshape,)
    sizes = tuple(geometry.integer("reshape", "newshape", size, -1, sys.maxsize) for size in shape)
    try:
        y = source.reshape(sizes)
    except ValueError:
        raise ValueError(
            f"reshape: newshape must hold exactly the {source.size} elements of x, with one -1 at most. "
            f"Received: x.shape={source.shape}, newshape={newshape}."
        ) from None
    before = source.shape
    record(y, (source, lambda dy: dy.reshape(before)))
    return y


def flatten(x: ArrayLike) -> Array:
    """(N, ...) as (N, the product of the other sizes); also for N = 0, where -1 in `reshape` says nothing.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> ops.flatten(np.ones((0, 3, 4))).shape
    (0, 12)
    """
    source = as_float("flatten", "x", x)
    if source.ndim < 1:
        raise ValueError(f"flatten: x must have a batch axis. Received: x.shape={source.shape}.")
    return reshape(source, (source.shape[0], math.prod(source.shape[1:])))


def transpose(x: ArrayLike, axes: Sequence[int] | None = None) -> Array:
    """The same array with its axes in another order, C-contiguous.

    Args:
        x: an array.
        axes: axis i of the result is axis axes[i] of x; None reverses them all.

    Raises:
        ValueError: if axes isn't a permutation of the axes of x.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> ops.transpose(np.ones((1, 5, 7, 3)), (0, 3, 1, 2)).shape
    (1, 3, 5, 7)
    """
    source = as_float("transpose", "x", x)
    if axes is None:
        order: tuple[int, ...] = tuple(reversed(range(source.ndim)))
    else:
        if not geometry.is_sequence(axes):
            raise ArgumentTypeError(f"transpose: axes must be integers, one an axis of x. Received: axes={axes!r}.")
        order = tuple(geometry.integer("transpose", "axes", axis, minimum=-source.ndim) for axis in axes)
    order = tuple(axis + source.ndim if axis < 0 else axis for axis in order)
    if sorted(order) != list(range(source.ndim)):
        raise ValueError(
            f"transpose: axes must name every axis of x once. Received: x.shape={source.shape}, axes={axes}."
        )
    y = source.transpose(order).copy(order="C")
    record(y, (source, lambda dy: dy.transpose(tuple(np.argsort(order)))))
    return y


def repeat(x: ArrayLike, repeats: int, axis: int | None = None) -> Array:
    """Each element of an axis `repeats` times, one after the other.

    Args:
        x: an array.
        repeats: how many times.
        axis: the axis; None for all numbers of x in one row.

    Raises:
        TypeError: if repeats isn't an integer.
        ValueError: if it is negative or x has no such axis.

    Example:
    >>> from pyconv import ops
    >>> ops.repeat([1.0, 2.0], 2)
    array([1., 1., 2., 2.], dtype=float32)
    """
    source = as_float("repeat", "x", x)
    times = geometry.integer("repeat", "repeats", repeats, minimum=0)
    if axis is None:
        return repeat(reshape(source, (source.size,)), times, 0)
    place = geometry.one_axis("repeat", axis, source.ndim)
    y = source.repeat(times, place)
    split = (*source.shape[: place + 1], times, *source.shape[place + 1 :])
    record(y, (source, lambda dy: dy.reshape(split).sum(axis=place + 1)))
    return y


def expand_dims(x: ArrayLike, axis: int | Sequence[int]) -> Array:
    """The same numbers with axes of size one more, at the places `axis` of the result.

    Raises:
        ValueError: if the result has no such axis.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> ops.expand_dims(np.ones((2, 3)), -1).shape
    (2, 3, 1)
    """
    source = as_float("expand_dims", "x", x)
    count = len(tuple(axis)) if geometry.is_sequence(axis) else 1
    places = geometry.axis_tuple("expand_dims", axis, source.ndim + count)
    y = np.expand_dims(source, places)
    before = source.shape
    record(y, (source, lambda dy: dy.reshape(before)))
    return y


def squeeze(x: ArrayLike, axis: int | Sequence[int] | None = None) -> Array:
    """The same numbers without axes of size one: those named, or all of them.

    Raises:
        ValueError: if x has no such axis or it is longer.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> ops.squeeze(np.ones((2, 1, 3, 1)), -1).shape
    (2, 1, 3)
    """
    source = as_float("squeeze", "x", x)
    ones = tuple(place for place, size in enumerate(source.shape) if size == 1)
    places = ones if axis is None else geometry.axis_tuple("squeeze", axis, source.ndim)
    if not set(places) <= set(ones):
        raise ValueError(f"squeeze: axis must name axes of size one. Received: x.shape={source.shape}, axis={axis!r}.")
    return reshape(source, tuple(size for place, size in enumerate(source.shape) if place not in places))


def concatenate(xs: Sequence[ArrayLike], axis: int = 0) -> Array:
    """Arrays one behind the other along an axis.

    Args:
        xs: the arrays, equally large along the other axes.
        axis: the axis.

    Returns:
        A new array: float64 if one of them is float64, otherwise float32.

    Raises:
        TypeError: if one doesn't hold real numbers.
        ValueError: if there are none, or their shapes don't fit.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> ops.concatenate([np.ones((2, 3)), np.ones((2, 1))], axis=-1).shape
    (2, 4)
    """
    if not geometry.is_sequence(xs) or not (items := list(xs)):
        raise ValueError(f"concatenate: xs must be one array or more. Received: {type(xs).__name__} {xs!r:.60}.")
    arrays = as_floats("concatenate", **{f"xs[{i}]": x for i, x in enumerate(items)})
    if arrays[0].ndim == 0:
        raise ValueError("concatenate: xs must be arrays with axes. Received: numbers.")
    place = geometry.one_axis("concatenate", axis, arrays[0].ndim)
    shapes = [array.shape for array in arrays]
    if len({(*shape[:place], None, *shape[place + 1 :]) for shape in shapes}) > 1:
        raise ValueError(f"concatenate: xs must have equal shapes but for axis {axis}. Received: shapes {shapes}.")
    y = np.concatenate(arrays, place)
    ends = np.cumsum([shape[place] for shape in shapes]).tolist()

    def part(end: int, size: int) -> Callable[[Array], Array]:
        inside = (*(slice(None),) * place, slice(end - size, end))
        return lambda dy: dy[inside]

    record(y, *((array, part(end, array.shape[place])) for array, end in zip(arrays, ends, strict=True)))
    return y


def channels_last(x: Array) -> Array:
    """(N, C, *spatial) as (N, *spatial, C)."""
    y = _last(x)
    record(y, (x, _first))
    return y


def channels_first(x: Array, out: Array | None = None) -> Array:
    """(N, *spatial, C) as (N, C, *spatial), in a new array or in `out`."""
    y = _first(x, out)
    record(y, (x, _last))
    return y


def _last(x: Array) -> Array:
    batch, channels, *spatial = x.shape
    return _exchange(x, (batch, channels, math.prod(spatial)), empty((batch, *spatial, channels), x.dtype))


def _first(x: Array, out: Array | None = None) -> Array:
    batch, *spatial, channels = x.shape
    y = empty((batch, channels, *spatial), x.dtype) if out is None else out
    return _exchange(x, (batch, math.prod(spatial), channels), y)


def _exchange(x: Array, matrices: tuple[int, int, int], y: Array) -> Array:
    """Writes x, seen as matrices (N, rows, columns), to y with rows and columns exchanged."""
    batch, rows, columns = matrices
    _core.transpose(contiguous(x).reshape(matrices), y.reshape(batch, columns, rows))
    return y


def sum_to(x: Array, shape: tuple[int, ...]) -> Array:
    """Sums over the axes along which an array of `shape` was broadcast: the gradient of broadcasting."""
    lead = x.ndim - len(shape)
    stretched = tuple(axis for axis, size in enumerate(shape, lead) if size == 1 and x.shape[axis] != 1)
    return np.asarray(x.sum(axis=(*range(lead), *stretched), keepdims=True), x.dtype).reshape(shape)
