"""Parts of an array: x[key] as an operation, with its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv.gradient import Array, record
from pyconv.ops.arrays import as_float


def get_item(x: ArrayLike, key: Any) -> Array:
    """x[key], as NumPy has it.

    Args:
        x: an array.
        key: integers, slices, None and `...`, alone or in a tuple, or arrays of integers or booleans.

    Raises:
        IndexError: if the key doesn't fit the shape of x.

    Example:
    >>> from pyconv import ops
    >>> ops.get_item([[1.0, 2.0], [3.0, 4.0]], (slice(None), 0))
    array([1., 3.], dtype=float32)
    """
    source = as_float("get_item", "x", x)
    if isinstance(key, list) and any(item is None or item is Ellipsis or isinstance(item, slice) for item in key):
        key = tuple(key)  # configurations hold lists for tuples
    y = np.asarray(source[key])

    shape, dtype = source.shape, source.dtype

    def scatter(dy: Array) -> Array:
        dx = np.zeros(shape, dtype)
        np.add.at(dx, key, dy)  # an element may have been taken more than once
        return dx

    record(y, (source, scatter))
    return y
