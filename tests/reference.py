"""The truth that the tests compare with: NumPy, float64, at most fifteen lines an operation. Not fast.

Images are (batch, *spatial, channels), kernels (*kernel, in_channels / groups, out_channels). Windows are walked
tap by tap: at tap t, output o reads input o * stride + t * dilation of the padded image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Pads = Sequence[tuple[int, int]]


def output_size(
    size: Sequence[int], window: Sequence[int], strides: Sequence[int], dilation: Sequence[int], pads: Pads
) -> tuple[int, ...]:
    """floor((n + before + after - ((k - 1) * d + 1)) / s) + 1 along each spatial axis."""
    axes = zip(size, window, strides, dilation, pads, strict=True)
    return tuple((n + sum(p) - (k - 1) * d - 1) // s + 1 for n, k, s, d, p in axes)


def taps(
    out: Sequence[int], window: Sequence[int], strides: Sequence[int], dilation: Sequence[int]
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Each tap of the window with the slices of a padded image (batch, *spatial, channels) that it reads."""
    for tap in np.ndindex(*window):
        starts = [t * d for t, d in zip(tap, dilation, strict=True)]
        spans = [slice(a, a + (o - 1) * s + 1, s) for a, o, s in zip(starts, out, strides, strict=True)]
        yield tap, (slice(None), *spans, slice(None))


def pad(x: Array, pads: Pads, value: float = 0.0) -> Array:
    return np.pad(np.asarray(x, np.float64), [(0, 0), *pads, (0, 0)], constant_values=value)


def crop(x: Array, pads: Pads) -> Array:
    """The inverse of pad, and so its gradient."""
    inner = [slice(before, n - after) for n, (before, after) in zip(x.shape[1:-1], pads, strict=True)]
    return x[(slice(None), *inner, slice(None))]


def by_group(x: Array, groups: int) -> Array:
    """(..., groups * c) -> (..., groups, c)."""
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)


def conv(
    x: Array, kernel: Array, bias: Array | None, strides: Sequence[int], dilation: Sequence[int], pads: Pads
) -> Array:
    """y[n, o, m] = bias[m] + sum over t, c of x[n, o * s + t * d - before, c] * kernel[t, c, m]."""
    window, groups = kernel.shape[:-2], x.shape[-1] // kernel.shape[-2]
    out = output_size(x.shape[1:-1], window, strides, dilation, pads)
    padded, weights = pad(x, pads), by_group(kernel.astype(np.float64), groups)
    y = np.zeros((x.shape[0], *out, groups, kernel.shape[-1] // groups))
    for tap, at in taps(out, window, strides, dilation):
        y += np.einsum("...gc,cgm->...gm", by_group(padded[at], groups), weights[tap])
    y = y.reshape(x.shape[0], *out, kernel.shape[-1])
    return y if bias is None else y + bias


def conv_gradients(
    x: Array, kernel: Array, upstream: Array, strides: Sequence[int], dilation: Sequence[int], pads: Pads
) -> tuple[Array, Array, Array]:
    """The gradients of sum(conv(x, kernel, bias) * upstream) for x, kernel and bias."""
    window, groups = kernel.shape[:-2], x.shape[-1] // kernel.shape[-2]
    padded, weights = pad(x, pads), by_group(kernel.astype(np.float64), groups)
    diff_y = by_group(upstream.astype(np.float64), groups)
    diff_padded, diff_weights = np.zeros_like(padded), np.zeros_like(weights)
    for tap, at in taps(upstream.shape[1:-1], window, strides, dilation):
        by_group(diff_padded, groups)[(*at, slice(None))] += np.einsum("...gm,cgm->...gc", diff_y, weights[tap])
        rows = (a.reshape(-1, *a.shape[-2:]) for a in (by_group(padded[at], groups), diff_y))
        diff_weights[tap] = np.einsum("rgc,rgm->cgm", *rows)
    diff_bias = upstream.sum(axis=tuple(range(upstream.ndim - 1)), dtype=np.float64)
    return crop(diff_padded, pads), diff_weights.reshape(kernel.shape), diff_bias


def conv_transpose(
    x: Array, kernel: Array, bias: Array | None, strides: Sequence[int], dilation: Sequence[int], pads: Pads
) -> Array:
    """y[n, i * s + t * d - before, f] += x[n, i, c] * kernel[t, f, c]; pads are cut off, negative are zeros."""
    window, size = kernel.shape[:-2], x.shape[1:-1]
    axes = zip(size, window, strides, dilation, pads, strict=True)
    sizes = [(n - 1) * s + (k - 1) * d + 1 + max(-p[1], 0) for n, k, s, d, p in axes]
    full = np.zeros((len(x), *sizes, kernel.shape[-2]))
    for tap, at in taps(size, window, strides, dilation):
        full[at] += np.einsum("...c,fc->...f", np.asarray(x, np.float64), kernel[tap])
    y = crop(full, [(before, max(after, 0)) for before, after in pads])
    return y if bias is None else y + bias


def max_pool(x: Array, window: Sequence[int], strides: Sequence[int], pads: Pads) -> Array:
    """The largest element of each window; NaN wins, pads never do."""
    dense = [1] * len(window)
    out = output_size(x.shape[1:-1], window, strides, dense, pads)
    padded = pad(x, pads, -np.inf)
    return np.maximum.reduce([padded[at] for _, at in taps(out, window, strides, dense)])


def max_pool_gradient(x: Array, upstream: Array, window: Sequence[int], strides: Sequence[int], pads: Pads) -> Array:
    """Each output's gradient goes to the first of the largest elements of its window."""
    padded = pad(x, pads, -np.inf)
    spans = [at for _, at in taps(upstream.shape[1:-1], window, strides, [1] * len(window))]
    winner = np.argmax([padded[at] for at in spans], axis=0)
    diff_padded = np.zeros_like(padded)
    for index, at in enumerate(spans):
        diff_padded[at] += np.where(winner == index, upstream, 0.0)
    return crop(diff_padded, pads)


def average_pool(x: Array, window: Sequence[int], strides: Sequence[int], pads: Pads) -> Array:
    """The mean of each window's elements; pads are neither summed nor counted."""
    dense = [1] * len(window)
    out = output_size(x.shape[1:-1], window, strides, dense, pads)
    padded, real = pad(x, pads), pad(np.ones_like(x), pads)
    spans = [at for _, at in taps(out, window, strides, dense)]
    return np.sum([padded[at] for at in spans], axis=0) / np.sum([real[at] for at in spans], axis=0)


def average_pool_gradient(
    x: Array, upstream: Array, window: Sequence[int], strides: Sequence[int], pads: Pads
) -> Array:
    """Each output's gradient is shared equally among the elements of its window."""
    real = pad(np.ones_like(x), pads)
    diff_padded = np.zeros_like(real)
    spans = [at for _, at in taps(upstream.shape[1:-1], window, strides, [1] * len(window))]
    share = upstream / np.sum([real[at] for at in spans], axis=0)
    for at in spans:
        diff_padded[at] += share
    return crop(diff_padded, pads)


def dense(x: Array, kernel: Array, bias: Array | None) -> Array:
    y = np.asarray(x, np.float64) @ np.asarray(kernel, np.float64)
    return y if bias is None else y + bias


def dense_gradients(x: Array, kernel: Array, upstream: Array) -> tuple[Array, Array, Array]:
    """The gradients of sum(dense(x, kernel, bias) * upstream) for x, kernel and bias."""
    rows, diff = x.reshape(-1, x.shape[-1]).astype(np.float64), upstream.reshape(-1, upstream.shape[-1])
    return (diff @ kernel.T).reshape(x.shape), rows.T @ diff, diff.sum(axis=0)


def same_pads(size: Sequence[int], window: Sequence[int], strides: Sequence[int], dilation: Sequence[int]) -> Pads:
    """Keras' "same": ceil(n / s) outputs, the odd pad at the end."""
    axes = zip(size, window, strides, dilation, strict=True)
    totals = (max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0) for n, k, s, d in axes)
    return [(total // 2, total - total // 2) for total in totals]
