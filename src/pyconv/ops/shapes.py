"""The same numbers in another shape or order of axes. No arithmetic."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from pyconv.gradient import Array, record
from pyconv.ops import geometry
from pyconv.ops.arrays import as_float


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
    record(y, (source, lambda dy: dy.reshape(source.shape)))
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
        order = tuple(geometry.integer("transpose", "axes", axis, minimum=-source.ndim) for axis in axes)
    order = tuple(axis + source.ndim if axis < 0 else axis for axis in order)
    if sorted(order) != list(range(source.ndim)):
        raise ValueError(
            f"transpose: axes must name every axis of x once. Received: x.shape={source.shape}, axes={axes}."
        )
    y = source.transpose(order).copy(order="C")
    record(y, (source, lambda dy: dy.transpose(tuple(np.argsort(order)))))
    return y


def channels_last(x: Array) -> Array:
    """(N, C, *spatial) as (N, *spatial, C)."""
    return transpose(x, (0, *range(2, x.ndim), 1))


def channels_first(x: Array) -> Array:
    """(N, *spatial, C) as (N, C, *spatial)."""
    return transpose(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def sum_to(x: Array, shape: tuple[int, ...]) -> Array:
    """Sums over the axes along which an array of `shape` was broadcast: the gradient of broadcasting."""
    lead = x.ndim - len(shape)
    stretched = tuple(axis for axis, size in enumerate(shape, lead) if size == 1 and x.shape[axis] != 1)
    return np.asarray(x.sum(axis=(*range(lead), *stretched), keepdims=True), x.dtype).reshape(shape)
