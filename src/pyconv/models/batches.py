"""Samples and labels as `fit` takes them, and their division into batches. Converts nothing: layers do that.

Samples are an array, or a list, tuple or dictionary of arrays for a model with several inputs; labels likewise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from pyconv import tree
from pyconv.arguments import real_number
from pyconv.layers.inputs import are_several
from pyconv.ops.arrays import as_float


def as_samples(op: str, name: str, value: Any) -> Any:
    """The argument `name` of `op` as arrays of numbers with a batch axis, equally long, in the dtypes they came in.

    Whole data sets go through here, so images of bytes are left to be converted batch by batch.
    """
    samples = _as_samples(op, name, value)
    lengths = [len(array) for array in tree.flatten(samples)]
    if min(lengths) != max(lengths):
        raise ValueError(f"{op}: the arrays of {name} must have equally many samples. Received: {lengths} samples.")
    return samples


def count(samples: Any) -> int:
    """The number of samples."""
    return len(tree.flatten(samples)[0])


def take(samples: Any, index: Any) -> Any:
    """Some of the samples: those of a slice or of an array of numbers; None of None."""
    return tree.map_structure(lambda array: None if array is None else array[index], samples)


def _as_samples(op: str, name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_samples(op, f"{name}[{key!r}]", item) for key, item in value.items()}
    if are_several(value):
        return type(value)([_as_samples(op, f"{name}[{i}]", item) for i, item in enumerate(value)])
    whole = not (isinstance(value, np.ndarray) and value.ndim)
    as_float(op, name, value if whole else value[:0])  # refuses what isn't numbers
    array = np.asarray(value)
    if array.ndim == 0:
        raise ValueError(f"{op}: {name} must have a batch axis. Received: {name}={value!r}.")
    return array


def as_data(op: str, x: Any, y: Any = None, sample_weight: Any = None, prefix: str = "") -> tuple[Any, Any, Any]:
    """Samples, their labels and weights, equally many of each; labels and weights may be None."""
    named = {"x": x, "y": y, "sample_weight": sample_weight}
    given = {
        name: as_samples(op, prefix + name, value) for name, value in named.items() if name == "x" or value is not None
    }
    counts = {name: count(value) for name, value in given.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(
            f"{op}: {' and '.join(prefix + name for name in counts)} must have equally many samples. "
            f"Received: {', '.join(f'{number} in {prefix}{name}' for name, number in counts.items())}."
        )
    return given["x"], given.get("y"), given.get("sample_weight")


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
