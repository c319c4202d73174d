"""Numbers freed of their mean and spread: over batches, images, groups or layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx.operators.floats import as_core_float, as_dtype_of
from pyconv.onnx.registry import operator


@operator("BatchNormalization", layout="channels")
def batch_normalization(
    x: Array,
    scale: Array,
    bias: Array,
    mean: Array,
    variance: Array,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
    is_test: int = 0,
    spatial: int = 1,
    outputs: int = 1,
) -> Any:
    if not spatial:
        raise ValueError("BatchNormalization: spatial=0, statistics for every pixel, isn't supported.")
    if not training_mode:
        factor = scale / np.sqrt(variance.astype(np.float64) + epsilon)
        offset = bias - mean * factor
        kind = as_core_float(x).dtype
        return as_dtype_of(x * factor.astype(kind) + offset.astype(kind), x)
    axes = (*range(x.ndim - 1),) if x.ndim > 2 else (0,)
    wide = x.astype(np.float64)
    centre, spread = wide.mean(axes), wide.var(axes)
    y = (wide - centre) / np.sqrt(spread + epsilon) * scale + bias
    moved = [
        as_dtype_of(old * momentum + new * (1 - momentum), old) for old, new in ((mean, centre), (variance, spread))
    ]
    return (as_dtype_of(y, x), *moved)[:outputs]


def _standardized(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    """(x - mean) / sqrt(variance + epsilon) over axes, in float32 or float64."""
    wide = as_core_float(x)
    # Sums in float64: NumPy adds whole rows one by one, and over many of them float32 would lose digits.
    y = wide - wide.mean(axes, np.float64, keepdims=True).astype(wide.dtype)
    variance = np.square(y).mean(axes, np.float64, keepdims=True)
    y *= (1 / np.sqrt(variance + epsilon)).astype(wide.dtype)
    return np.asarray(y)


@operator("InstanceNormalization", layout="channels")
def instance_normalization(x: Array, scale: Array, bias: Array, *, epsilon: float = 1e-5) -> Array:
    y = _standardized(x, (*range(1, x.ndim - 1),), epsilon)
    return as_dtype_of(y * scale + bias, x)


@operator("GroupNormalization", layout="channels")
def group_normalization(
    x: Array, scale: Array, bias: Array, *, epsilon: float = 1e-5, num_groups: int, stash_type: int = 1
) -> Array:
    channels = x.shape[-1]
    if num_groups < 1 or channels % num_groups:
        raise ValueError(f"num_groups must divide the channels. Received: {num_groups} groups, {channels} channels.")
    split = x.reshape(*x.shape[:-1], num_groups, channels // num_groups)
    y = _standardized(split, (*range(1, x.ndim - 1), x.ndim), epsilon).reshape(x.shape)
    # Until version 21 there was one number a group.
    scale, bias = (np.repeat(each, channels // len(each)) for each in (scale, bias))
    return as_dtype_of(y * as_core_float(scale) + as_core_float(bias), x)


def _trailing(x: Array, axis: int) -> tuple[int, ...]:
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"axis must be one of {x.ndim} axes. Received: axis={axis}.")
    return tuple(range(axis % x.ndim, x.ndim))


@operator("LayerNormalization")
def layer_normalization(
    x: Array,
    scale: Array,
    bias: Array | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_type: int = 1,
    outputs: int = 1,
) -> Any:
    axes = _trailing(x, axis)
    y = as_dtype_of(_standardized(x, axes, epsilon), x) * scale
    y = y if bias is None else y + bias
    if outputs == 1:
        return y
    wide = x.astype(np.float64)
    mean = wide.mean(axes, keepdims=True)
    inverse = 1 / np.sqrt(wide.var(axes, keepdims=True) + epsilon)
    kind = as_core_float(x).dtype
    return y, mean.astype(kind), inverse.astype(kind)


@operator("RMSNormalization")
def rms_normalization(x: Array, scale: Array, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1) -> Array:
    wide = as_core_float(x)
    mean = np.square(wide).mean(_trailing(x, axis), np.float64, keepdims=True)
    return as_dtype_of(wide * (1 / np.sqrt(mean + epsilon)).astype(wide.dtype), x) * scale


@operator("LpNormalization")
def lp_normalization(x: Array, *, axis: int = -1, p: int = 2) -> Array:
    norm = np.linalg.norm(x, p, _trailing(x, axis)[0], keepdims=True)
    return as_dtype_of(x / np.where(norm == 0, 1, norm), x)


@operator("LRN", layout="channels")
def local_response_normalization(
    x: Array, *, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0, size: int
) -> Array:
    """X / (bias + alpha / size * sum of squares over `size` channels around each) ** beta."""
    channels = x.shape[-1]
    squares = np.square(as_core_float(x))
    total = np.zeros_like(squares)
    for shift in range(-min((size - 1) // 2, channels), min(math.ceil((size - 1) / 2), channels) + 1):
        source = slice(max(shift, 0), channels + min(shift, 0))
        target = slice(max(-shift, 0), channels + min(-shift, 0))
        total[..., target] += squares[..., source]
    return as_dtype_of(x / (bias + alpha / size * total) ** beta, x)
