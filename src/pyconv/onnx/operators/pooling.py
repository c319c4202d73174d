"""Pools over windows, by the core where it has them, and over whole images. Images come with channels last."""

from __future__ import annotations

import functools
from typing import Any, Literal

import numpy as np

from pyconv import _core
from pyconv.gradient import Array
from pyconv.onnx import memory
from pyconv.onnx.operators.floats import as_core_float, as_dtype_of
from pyconv.onnx.operators.windows import Sizes, Window, resolve, taps
from pyconv.onnx.registry import operator
from pyconv.ops.arrays import contiguous, dtype_name


@operator("MaxPool", layout="channels")
def max_pool(
    x: Array,
    *,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Sizes = None,
    kernel_shape: Sizes,
    pads: Sizes = None,
    storage_order: int = 0,
    strides: Sizes = None,
    outputs: int = 1,
) -> Any:
    window = resolve(
        kernel_shape or (), x.shape[1:-1], auto_pad=auto_pad, dilations=dilations, pads=pads, strides=strides
    )
    output = window.output_sizes(x.shape[1:-1], bool(ceil_mode))
    memory.checked((x.shape[0], *output, x.shape[-1]), np.int64)
    if outputs > 1 or x.dtype.kind != "f" or x.dtype.itemsize > 8:
        y, places = _max_with_places(x, window, output, bool(storage_order))
        return (y, places) if outputs > 1 else y
    return as_dtype_of(_pooled("max", as_core_float(x), window, output), x)


@operator("AveragePool", layout="channels")
def average_pool(
    x: Array,
    *,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    dilations: Sizes = None,
    kernel_shape: Sizes,
    pads: Sizes = None,
    strides: Sizes = None,
) -> Array:
    sizes = x.shape[1:-1]
    window = resolve(kernel_shape or (), sizes, auto_pad=auto_pad, dilations=dilations, pads=pads, strides=strides)
    output = window.output_sizes(sizes, bool(ceil_mode))
    memory.checked((x.shape[0], *output, x.shape[-1]), np.float64)
    y = _pooled("average", as_core_float(x), window, output)
    if count_include_pad and any(map(any, window.pads)):
        y *= _share_of_pixels(window, sizes, output).astype(y.dtype)
    return as_dtype_of(y, x)


def _pooled(kind: Literal["max", "average"], x: Array, window: Window, output: tuple[int, ...]) -> Array:
    plan = _plan(_core.get_isa(), kind, x.dtype, x.shape, window.reaching(x.shape[1:-1], output))
    y = np.empty((x.shape[0], *plan.output_size, x.shape[-1]), x.dtype)
    plan.forward(contiguous(x), y)
    # Pads wider than a step behind the last place wanted give places more.
    inside = (slice(None), *(slice(o) for o in output))
    return y if plan.output_size == output else y[inside]


@functools.lru_cache(maxsize=256)
def _plan(
    isa: str, kind: Literal["max", "average"], dtype: np.dtype[Any], shape: tuple[int, ...], window: Window
) -> _core.PoolPlan:
    """The core's plan; `isa` is part of its key alone."""
    batch, *sizes, channels = shape
    size, strides, dilations, pads = window
    return _core.PoolPlan(
        f"{kind}_pool", kind, dtype_name(dtype), batch, channels, sizes, size, strides, dilations, pads
    )


def _share_of_pixels(window: Window, sizes: tuple[int, ...], output: tuple[int, ...]) -> Array:
    """For each place, pixels over pixels and pads: the core counts pixels alone. What ceil_mode adds is neither."""
    share: Array = np.ones(())
    axes = zip(window.size, window.strides, window.dilations, window.pads, sizes, output, strict=True)
    for k, s, d, (before, after), n, o in axes:
        taken = np.arange(o)[:, None] * s + np.arange(k) * d - before
        pixels = ((taken >= 0) & (taken < n)).sum(1)
        both = ((taken >= -before) & (taken < n + after)).sum(1)
        share = np.multiply.outer(share, pixels / np.maximum(both, 1))
    return share[..., None]


def _max_with_places(x: Array, window: Window, output: tuple[int, ...], columns_first: bool) -> tuple[Array, Array]:
    """The largest elements and where they are, numbered through the whole of the images with channels first."""
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    sizes = x.shape[1:-1]
    best = np.full((x.shape[0], *output, x.shape[-1]), lowest, x.dtype)
    found = np.full(best.shape, -1, np.int64)
    order = range(len(sizes)) if columns_first else reversed(range(len(sizes)))
    pitch, stride = {}, 1
    for axis in order:
        pitch[axis], stride = stride, stride * sizes[axis]
    for tap, seen in taps(x, window, output, lowest):
        place: Array = np.zeros((), np.int64)
        inside: Array = np.ones((), bool)
        for axis, o in enumerate(output):
            at = np.arange(o) * window.strides[axis] + tap[axis] * window.dilations[axis] - window.pads[axis][0]
            place = np.add.outer(place, at * pitch[axis])
            inside = np.logical_and.outer(inside, (at >= 0) & (at < sizes[axis]))
        better = ((seen > best) | (found < 0) | (np.isnan(seen) & ~np.isnan(best))) & inside[..., None]
        np.copyto(best, seen, where=better)
        np.copyto(found, place[..., None], where=better)
    images = np.arange(x.shape[0]).reshape(-1, *(1,) * (x.ndim - 1)) * x.shape[-1] + np.arange(x.shape[-1])
    return best, found + images * stride


@operator("MaxUnpool", layout="images")
def max_unpool(
    x: Array,
    places: Array,
    output_shape: Array | None = None,
    *,
    kernel_shape: Sizes,
    pads: Sizes = None,
    strides: Sizes = None,
) -> Array:
    window = resolve(kernel_shape or (), x.shape[1:-1], pads=pads, strides=strides)
    sizes = tuple(
        (n - 1) * s + k - before - after
        for n, s, k, (before, after) in zip(x.shape[1:-1], window.strides, window.size, window.pads, strict=True)
    )
    # The places are numbers in an image of that size, also where a larger result is asked for.
    y = np.zeros(memory.checked((x.shape[0], x.shape[-1], *sizes), x.dtype), x.dtype)
    np.put(y, np.moveaxis(places, -1, 1), np.moveaxis(x, -1, 1), mode="raise")
    if output_shape is not None:
        whole = memory.checked(output_shape.tolist(), x.dtype)
        y = np.pad(y, [(0, more - size) for more, size in zip(whole, y.shape, strict=True)])
    return np.moveaxis(y, 1, -1)


@operator("LpPool", layout="channels")
def lp_pool(
    x: Array,
    *,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    dilations: Sizes = None,
    kernel_shape: Sizes,
    p: int = 2,
    pads: Sizes = None,
    strides: Sizes = None,
) -> Array:
    window = resolve(
        kernel_shape or (), x.shape[1:-1], auto_pad=auto_pad, dilations=dilations, pads=pads, strides=strides
    )
    output = window.output_sizes(x.shape[1:-1], bool(ceil_mode))
    total = np.zeros(memory.checked((x.shape[0], *output, x.shape[-1]), np.float64))
    for _, seen in taps(x, window, output, 0):
        total += np.abs(seen.astype(np.float64)) ** p
    return as_dtype_of(total ** (1 / p), x)


def _spatial(x: Array) -> tuple[int, ...]:
    if x.ndim < 3:
        raise ValueError(f"images must have three axes or more. Received: {x.ndim}.")
    return tuple(range(1, x.ndim - 1))


@operator("GlobalAveragePool", layout="channels")
def global_average_pool(x: Array) -> Array:
    # In float64: NumPy adds pixels one by one, and over many of them float32 would lose digits.
    return as_dtype_of(x.mean(_spatial(x), np.float64, keepdims=True), x)


@operator("GlobalMaxPool", layout="channels")
def global_max_pool(x: Array) -> Array:
    y: Array = x.max(_spatial(x), keepdims=True)
    return y


@operator("GlobalLpPool", layout="channels")
def global_lp_pool(x: Array, *, p: int = 2) -> Array:
    total = (np.abs(x.astype(np.float64)) ** p).sum(_spatial(x), keepdims=True)
    return as_dtype_of(total ** (1 / p), x)
