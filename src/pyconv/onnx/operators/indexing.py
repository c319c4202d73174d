"""Elements taken from places and put to places."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx import memory
from pyconv.onnx.registry import operator


@operator("Gather")
def gather(x: Array, indices: Array, *, axis: int = 0) -> Array:
    place = range(x.ndim)[axis]
    memory.checked((*x.shape[:place], *indices.shape, *x.shape[place + 1 :]), x.dtype)
    return x.take(indices, place)


@operator("GatherElements")
def gather_elements(x: Array, indices: Array, *, axis: int = 0) -> Array:
    return np.take_along_axis(x, _positive(indices, x.shape[axis]), axis)


def _positive(indices: Array, size: int) -> Array:
    if indices.size and not -size <= indices.min() <= indices.max() < size:
        raise ValueError(f"indices must be in {-size}..{size - 1}.")
    return np.where(indices < 0, indices + size, indices)


@operator("GatherND")
def gather_nd(x: Array, indices: Array, *, batch_dims: int = 0) -> Array:
    b, depth = batch_dims, indices.shape[-1]
    if not 0 <= b < min(x.ndim, indices.ndim) or depth + b > x.ndim:
        raise ValueError(f"batch_dims={b} and indices of shape {indices.shape} don't fit x of shape {x.shape}.")
    memory.checked((*indices.shape[:-1], *x.shape[b + depth :]), x.dtype)
    count = math.prod(x.shape[:b])
    flat, keys = x.reshape(count, *x.shape[b:]), indices.reshape(count, -1, depth)
    rows = [item[tuple(key.T)] for item, key in zip(flat, keys, strict=True)]
    return np.stack(rows).reshape(*indices.shape[:-1], *x.shape[b + depth :])


_Combine = dict[str, Callable[..., None]]
_COMBINE: _Combine = {
    "add": np.add.at,
    "mul": np.multiply.at,
    "max": np.maximum.at,
    "min": np.minimum.at,
}


def _put(y: Array, key: tuple[Array, ...], updates: Array, reduction: str) -> Array:
    if reduction == "none":
        y[key] = updates
    else:
        _COMBINE[reduction](y, key, updates)
    return y


@operator("ScatterND")
def scatter_nd(x: Array, indices: Array, updates: Array, *, reduction: str = "none") -> Array:
    return _put(x.copy(), tuple(np.moveaxis(indices, -1, 0)), updates, reduction)


@operator("ScatterElements", "Scatter")
def scatter_elements(x: Array, indices: Array, updates: Array, *, axis: int = 0, reduction: str = "none") -> Array:
    key: list[Array] = list(np.ogrid[tuple(slice(size) for size in indices.shape)])
    key[range(x.ndim)[axis]] = _positive(indices, x.shape[axis])
    return _put(x.copy(), tuple(key), updates, reduction)


@operator("Compress")
def compress(x: Array, condition: Array, *, axis: int | None = None) -> Array:
    return np.compress(condition, x, axis)


@operator("NonZero")
def non_zero(x: Array) -> Array:
    return np.array(np.nonzero(np.atleast_1d(x)), np.int64).reshape(max(x.ndim, 1), -1)


@operator("ReverseSequence")
def reverse_sequence(x: Array, lengths: Array, *, batch_axis: int = 1, time_axis: int = 0) -> Array:
    """Each sequence of the batch with its first `length` elements the other way round."""
    count = np.arange(x.shape[time_axis])
    order = np.where(count < lengths[:, None], lengths[:, None] - 1 - count, count)
    shape = [1] * x.ndim
    shape[batch_axis], shape[time_axis] = order.shape
    order = order if batch_axis < time_axis else order.T
    return np.take_along_axis(x, order.reshape(shape), time_axis)
