"""Samples and labels as `fit` takes them, and their division into batches. Converts nothing: layers do that."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.ops.arrays import as_float


def as_samples(op: str, name: str, value: Any) -> Array:
    """The argument `name` of `op` as an array of numbers with a batch axis, in the dtype it came in.

    Whole data sets go through here, so images of bytes are left to be converted batch by batch.
    """
    whole = not (isinstance(value, np.ndarray) and value.ndim)
    as_float(op, name, value if whole else value[:0])  # refuses what isn't numbers
    array = np.asarray(value)
    if array.ndim == 0:
        raise ValueError(f"{op}: {name} must have a batch axis. Received: {name}={value!r}.")
    return array


def as_pair(op: str, x: Any, y: Any, prefix: str = "") -> tuple[Array, Array]:
    """Samples and their labels, as many of one as of the other and at least one."""
    samples, labels = as_samples(op, f"{prefix}x", x), as_samples(op, f"{prefix}y", y)
    if len(samples) != len(labels):
        raise ValueError(
            f"{op}: {prefix}x and {prefix}y must have equally many samples. "
            f"Received: {len(samples)} in {prefix}x, {len(labels)} in {prefix}y."
        )
    if len(samples) == 0:
        raise ValueError(f"{op}: {prefix}x must hold at least one sample. Received: {prefix}x.shape={samples.shape}.")
    return samples, labels


def split_off_end(op: str, count: int, validation_split: float) -> int:
    """Where the last part of `count` samples begins, `count` itself if that part is none."""
    fraction = real_number(op, "validation_split", validation_split, 0, 1, open_end=True)
    if fraction == 0:
        return count
    start = math.floor(count * (1 - fraction))
    if not 0 < start < count:
        raise ValueError(
            f"{op}: validation_split must leave a sample on either side. "
            f"Received: validation_split={fraction} of {count} samples."
        )
    return start


def batches(count: int, size: int) -> Iterator[slice]:
    """`count` samples in slices of `size`, the last one shorter where it must be; an empty slice if there are none."""
    return (slice(start, min(start + size, count)) for start in range(0, max(count, 1), size))
