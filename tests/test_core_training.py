"""The core between convolutions in training: moments, normalisation and its gradient, those of activations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arrays import Array, normal, relative_error
from guards import Guarded
from pyconv import _core

by_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
# Fewer rows than a part has, several parts, and more than one chunk a part; channels beside whole vectors.
by_size = pytest.mark.parametrize(("rows", "channels"), [(1, 1), (7, 17), (700, 33), (3001, 160)])


def example(rows: int, channels: int, dtype: Any) -> tuple[Array, Array]:
    """Columns with a mean of 100 and a deviation of 1, and normal numbers."""
    generator = np.random.default_rng(4)
    return 100 + normal(generator, (rows, channels), dtype), normal(generator, (rows, channels), dtype)


@by_dtype
@by_size
def test_moments(rows: int, channels: int, dtype: str, isa: str) -> None:
    """Off by rounding alone: a sum of squares about the mean loses nothing to a mean a hundred times as large."""
    x, _ = example(rows, channels, dtype)
    src = Guarded(x)
    mean, variance = _core.channel_moments(src.array)
    src.check()
    exact = x.astype(np.longdouble)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(mean, exact.mean(0), rtol=2 * eps)
    # Of numbers near 100 each is off by 50 eps, their distances from the mean by as much.
    np.testing.assert_allclose(variance, exact.var(0), rtol=100 * eps, atol=(100 * eps) ** 2)


@by_dtype
@by_size
def test_products_and_normalisation(rows: int, channels: int, dtype: str, isa: str) -> None:
    x, other = example(rows, channels, dtype)
    centre, scale, shift, factor = (normal(np.random.default_rng(i), (channels,), dtype) for i in range(4))
    centre += 100
    distance = x.astype(np.longdouble) - centre
    sums, products = _core.channel_products(x, centre, other)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(sums, other.sum(0, dtype=np.longdouble), rtol=0, atol=8 * eps * np.sqrt(rows))
    assert relative_error(products, (distance * other).sum(0)) <= 100 * eps  # see test_moments
    y = _core.channel_normalize(x, centre, scale, shift)
    assert relative_error(y, distance * scale + shift) <= 100 * eps
    y = _core.channel_normalize(x, centre, scale, shift, other, factor)
    assert relative_error(y, distance * scale + shift + other * factor) <= 100 * eps


def test_the_same_bits_whatever_the_threads() -> None:
    x, other = example(3001, 160, "float32")
    before, results = _core.get_num_threads(), set()
    try:
        for count in (1, 2, 5):
            _core.set_num_threads(count)
            mean, variance = _core.channel_moments(x)
            sums, products = _core.channel_products(x, mean, other)
            y = _core.channel_normalize(x, mean, sums, products, other, variance)
            dx = _core.activation_backward("relu", 0.0, x, other)
            results.add(b"".join(array.tobytes() for array in (mean, variance, sums, products, y, dx)))
    finally:
        _core.set_num_threads(before)
    assert len(results) == 1


@by_dtype
@pytest.mark.parametrize("shape", [(), (0,), (5, 7), (3, 40, 40)])
def test_the_gradient_of_an_activation(shape: tuple[int, ...], dtype: str, isa: str) -> None:
    generator = np.random.default_rng(1)
    y, dy = (np.asarray(size * normal(generator, shape, dtype), dtype) for size in (4, 1))
    slopes: dict[str, Any] = {
        "linear": 1.0,
        "relu": y > 0,
        "relu6": (y > 0) & (y < 6),
        "leaky_relu": np.where(y > 0, 1.0, 0.25),
    }
    for activation, slope in slopes.items():
        dx = _core.activation_backward(activation, 0.25, y, dy)  # type: ignore[arg-type]
        np.testing.assert_array_equal(dx, dy * slope)


def test_bad_arguments() -> None:
    x, channels = np.zeros((4, 3), np.float32), np.zeros(3, np.float32)
    with pytest.raises(ValueError, match=r"src must have 2 axes. Received: 3"):
        _core.channel_moments(np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match="src must have rows"):
        _core.channel_moments(np.zeros((0, 3)))
    with pytest.raises(ValueError, match=r"centre must have shape \(3\)"):
        _core.channel_products(x, channels[:2], x)
    with pytest.raises(TypeError, match="other must have dtype float32"):
        _core.channel_products(x, channels, x.astype(np.float64))
    with pytest.raises(ValueError, match="given together"):
        _core.channel_normalize(x, channels, channels, channels, x)
    with pytest.raises(ValueError, match="diff_dst must have shape"):
        _core.activation_backward("relu", 0.0, x, x[:2])
    with pytest.raises(ValueError, match="activation must be"):
        _core.activation_backward("tanh", 0.0, x, x)  # type: ignore[arg-type]
