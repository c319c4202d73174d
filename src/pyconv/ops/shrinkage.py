"""Activation functions with corners: those that make small numbers zero, and bounded or sparse relatives of others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pyconv.arguments import number
from pyconv.gradient import Array, record
from pyconv.ops.arithmetic import clip, multiply, negative, subtract
from pyconv.ops.arrays import as_float, like
from pyconv.ops.elementwise import softplus, tanh
from pyconv.ops.geometry import one_axis


def hard_tanh(x: ArrayLike) -> Array:
    """min(max(x, -1), 1)."""
    return clip(as_float("hard_tanh", "x", x), -1, 1)


def tanh_shrink(x: ArrayLike) -> Array:
    """The difference x - tanh(x)."""
    source = as_float("tanh_shrink", "x", x)
    return subtract(source, tanh(source))


def soft_shrink(x: ArrayLike, threshold: float = 0.5) -> Array:
    """Moves x towards zero by threshold, to zero where that would go beyond."""
    source, threshold = as_float("soft_shrink", "x", x), number("soft_shrink", "threshold", threshold)
    return subtract(source, clip(source, -threshold, threshold))


def hard_shrink(x: ArrayLike, threshold: float = 0.5) -> Array:
    """Keeps x where |x| > threshold, zero elsewhere."""
    source, threshold = as_float("hard_shrink", "x", x), number("hard_shrink", "threshold", threshold)
    return _where(np.abs(source) <= threshold, 0.0, source)


def threshold(x: ArrayLike, threshold: float, default_value: float) -> Array:
    """Keeps x where x > threshold, default_value elsewhere."""
    source, threshold = as_float("threshold", "x", x), number("threshold", "threshold", threshold)
    return _where(source <= threshold, number("threshold", "default_value", default_value), source)


def squareplus(x: ArrayLike, b: int = 4) -> Array:
    """(x + sqrt(x * x + b)) / 2, a smooth relu: Barron, 2021."""
    source = as_float("squareplus", "x", x)
    root = np.sqrt(source * source + source.dtype.type(number("squareplus", "b", b)))
    y: Array = np.multiply(source + root, 0.5, out=like(source))
    record(y, (source, lambda dy: dy * (source / root + 1) * 0.5))
    return y


def sparse_plus(x: ArrayLike) -> Array:
    """0 up to -1, (x + 1)**2 / 4 from there to 1, x beyond."""
    source = as_float("sparse_plus", "x", x)
    inside = np.clip(source, -1, 1)
    y: Array = np.add((inside + 1) ** 2 / 4, np.maximum(source, 1) - 1, out=like(source))
    record(y, (source, lambda dy: dy * (inside + 1) / 2))
    return y


def sparse_sigmoid(x: ArrayLike) -> Array:
    """0 up to -1, (x + 1) / 2 from there to 1, 1 beyond."""
    return multiply(subtract(hard_tanh(as_float("sparse_sigmoid", "x", x)), -1), 0.5)


def log_sigmoid(x: ArrayLike) -> Array:
    """log(sigmoid(x)), computed so that it never overflows."""
    return negative(softplus(negative(as_float("log_sigmoid", "x", x))))


def sparsemax(x: ArrayLike, axis: int = -1) -> Array:
    """The point of the simplex nearest to x: like softmax, with exact zeros. Martins and Astudillo, 2016.

    Raises:
        ValueError: if x has no such axis.

    Example:
    >>> from pyconv import ops
    >>> ops.sparsemax([0.0, 1.0, 1.5])
    array([0.  , 0.25, 0.75], dtype=float32)
    """
    source = as_float("sparsemax", "x", x)
    place = one_axis("sparsemax", axis, source.ndim)
    if source.size == 0:
        return source.copy()
    rows = np.moveaxis(source, place, -1)
    descending = -np.sort(-rows, axis=-1)
    sums = np.cumsum(descending, axis=-1) - 1
    count = (descending * np.arange(1, rows.shape[-1] + 1) > sums).sum(axis=-1, keepdims=True)
    # A row with a NaN holds no number that counts; it gives NaN, as it should.
    level = np.take_along_axis(sums, np.maximum(count - 1, 0), -1) / np.maximum(count, 1)
    y = np.ascontiguousarray(np.moveaxis(np.maximum(rows - level, 0).astype(source.dtype), -1, place))

    def gradient(dy: Array) -> Array:
        inside = y > 0
        kept = np.where(inside, dy, 0)
        share = kept.sum(axis=place, keepdims=True) / np.maximum(inside.sum(axis=place, keepdims=True), 1)
        return np.where(inside, kept - share, 0).astype(source.dtype)

    record(y, (source, gradient))
    return y


def _where(low: Array, value: float, x: Array) -> Array:
    """Value where low, x elsewhere."""
    y = np.where(low, x.dtype.type(value), x)
    record(y, (x, lambda dy: dy * ~low))
    return y
