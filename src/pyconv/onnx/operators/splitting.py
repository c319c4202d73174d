"""Arrays joined and cut along an axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx import memory
from pyconv.onnx.operators.windows import Sizes
from pyconv.onnx.registry import operator


@operator("Concat", layout="axis")
def concatenate(*arrays: Array, axis: int = 1) -> Array:
    return np.concatenate(arrays, axis)


def _cut(x: Array, sizes: Sequence[int], axis: int) -> tuple[Array, ...]:
    if sum(sizes) != x.shape[axis] or min(sizes, default=0) < 0:
        raise ValueError(f"Split: the sizes must be {x.shape[axis]} together. Received: {list(sizes)}.")
    return tuple(np.ascontiguousarray(part) for part in np.split(x, np.cumsum(sizes)[:-1], axis))


def _equal(length: int, count: int) -> list[int]:
    if not 1 <= count <= max(length, 1):
        raise ValueError(f"Split: an axis of {length} can't be cut into {count} parts.")
    part = -(-length // count)
    return [part] * (count - 1) + [length - part * (count - 1)]


@operator("Split", since=13, layout="axis")
def split(
    x: Array, sizes: Array | None = None, *, axis: int = 0, num_outputs: int | None = None, outputs: int = 1
) -> tuple[Array, ...]:
    wanted = _equal(x.shape[axis], num_outputs or outputs) if sizes is None else sizes.ravel().tolist()
    return _cut(x, wanted, axis)


@operator("Split", since=2, layout="axis")
def split_by_attribute(x: Array, *, axis: int = 0, split: Sizes = None, outputs: int = 1) -> tuple[Array, ...]:
    return _cut(x, split or _equal(x.shape[axis], outputs), axis)


def _sliced(
    x: Array, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int] | None, steps: Sequence[int] | None
) -> Array:
    places = range(len(starts)) if axes is None else [range(x.ndim)[axis] for axis in axes]
    key = [slice(None)] * x.ndim
    for start, end, axis, step in zip(starts, ends, places, steps or [1] * len(starts), strict=True):
        # Counting down, an end before the first element can't be said in Python: it would count from the last.
        whole = step < 0 and end < -x.shape[axis]
        key[axis] = slice(start, None if whole else end, step)
    return np.ascontiguousarray(x[tuple(key)])


@operator("Slice", since=10, layout="slice")
def slice_of(x: Array, starts: Array, ends: Array, axes: Array | None = None, steps: Array | None = None) -> Array:
    lists = [None if each is None else each.ravel().tolist() for each in (starts, ends, axes, steps)]
    return _sliced(x, lists[0] or [], lists[1] or [], lists[2], lists[3])


@operator("Slice")
def slice_by_attributes(x: Array, *, starts: Sizes, ends: Sizes, axes: Sizes = None) -> Array:
    return _sliced(x, starts or (), ends or (), axes, None)


@operator("CenterCropPad")
def center_crop_pad(x: Array, shape: Array, *, axes: Sizes = None) -> Array:
    places = range(x.ndim) if axes is None else [range(x.ndim)[axis] for axis in axes]
    sizes = list(x.shape)
    for axis, size in zip(places, shape.ravel().tolist(), strict=True):
        sizes[axis] = size
    memory.checked(sizes, x.dtype)
    for axis in places:
        surplus = x.shape[axis] - sizes[axis]
        if surplus > 0:
            x = x.take(range(surplus // 2, surplus // 2 + sizes[axis]), axis)
        elif surplus < 0:
            widths = [(0, 0)] * x.ndim
            widths[axis] = (-surplus // 2, -surplus - -surplus // 2)
            x = np.pad(x, widths)
    return x
