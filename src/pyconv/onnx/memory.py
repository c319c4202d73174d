"""How much memory one result may take, so that a small file can't ask for all of it. Allocates nothing."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

# Larger than any activation of a convolutional network on an image that a CPU would be asked to work on.
MOST_BYTES = 2**32
_MOST_AXES = 32  # that NumPy broadcasts


class _Local(threading.local):
    most = MOST_BYTES


_local = _Local()


@contextlib.contextmanager
def limited(most: int) -> Iterator[None]:
    """Within the block, in this thread, no result may take more than `most` bytes."""
    before, _local.most = _local.most, most
    try:
        yield
    finally:
        _local.most = before


def broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that all of these are broadcast to; raises ValueError if there is none."""
    if max(map(len, shapes), default=0) > _MOST_AXES:
        raise ValueError(f"arrays can't be broadcast with more than {_MOST_AXES} axes.")
    return np.broadcast_shapes(*shapes)


def checked(shape: Sequence[Any], dtype: Any = np.float32) -> tuple[int, ...]:
    """A result's shape, if an array of it may be made.

    Raises:
        ValueError: if a size is negative or the array too large.

    Example:
    >>> from pyconv.onnx.memory import checked
    >>> checked([2, 3])
    (2, 3)
    """
    sizes = tuple(int(size) for size in shape)
    if any(size < 0 for size in sizes):
        raise ValueError(f"a result can't have the shape {sizes}.")
    if math.prod(sizes) * np.dtype(dtype).itemsize > _local.most:
        raise ValueError(f"a result of shape {sizes} and dtype {np.dtype(dtype)} is larger than {_local.most} bytes.")
    return sizes
