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


# The derivative of each activation by what it is applied to.
DERIVATIVES: dict[str, Any] = {
    "linear": np.ones_like,
    "relu": lambda z: z > 0,
    "relu6": lambda z: (z > 0) & (z < 6),
    "leaky_relu": lambda z: np.where(z > 0, 1.0, 0.25),
}
APPLIED: dict[str, Any] = {
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "relu6": lambda z: np.clip(z, 0, 6),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.25 * z),
}


@by_dtype
@by_size
def test_normalisation_and_its_gradient(rows: int, channels: int, dtype: str, isa: str) -> None:
    x, dy = example(rows, channels, dtype)
    centre, scale, shift, slope, lift = (normal(np.random.default_rng(i), (channels,), dtype) for i in range(5))
    centre += 100
    scale *= 4  # beyond 6, too
    distance = x.astype(np.longdouble) - centre
    z = distance * scale + shift
    # What is nearly at a bound of an activation may fall on its other side.
    eps = np.finfo(dtype).eps
    dy[(np.abs(z) < 1000 * eps) | (np.abs(z - 6) < 1000 * eps)] = 0
    for name, derivative in DERIVATIVES.items():
        activation: Any = name
        normalization = _core.ChannelNormalization(x, centre, scale, shift, activation, 0.25)
        y = normalization.run()
        assert relative_error(y, APPLIED[name](z)) <= 100 * eps  # see test_moments
        y = normalization.run(dy)
        assert relative_error(y, APPLIED[name](z + dy)) <= 100 * eps
        d = dy.astype(np.longdouble) * derivative(z)
        sums, products = normalization.gradient_sums(dy)
        # Each addition rounds the sum of a part's rows, some 10, by half of its eps at most; four deviations of all.
        np.testing.assert_allclose(sums, d.sum(0), rtol=0, atol=4 * 10 * eps / 2 * np.sqrt(rows))
        assert relative_error(products, (distance * d).sum(0)) <= 100 * eps
        dx = normalization.gradient(dy, slope, lift)
        assert relative_error(dx, d * scale + distance * slope + lift) <= 100 * eps


def test_the_same_bits_whatever_the_threads() -> None:
    x, other = example(3001, 160, "float32")
    before, results = _core.get_num_threads(), set()
    try:
        for count in (1, 2, 5):
            _core.set_num_threads(count)
            mean, variance = _core.channel_moments(x)
            normalization = _core.ChannelNormalization(x, mean, variance, mean, "relu")
            sums, products = normalization.gradient_sums(other)
            y = normalization.run(other)
            gradient = normalization.gradient(other, sums, products)
            dx = _core.activation_backward("relu", 0.0, x, other)
            results.add(b"".join(array.tobytes() for array in (mean, variance, sums, products, y, gradient, dx)))
    finally:
        _core.set_num_threads(before)
    assert len(results) == 1


@by_dtype
@pytest.mark.parametrize("shape", [(), (0,), (5, 7), (3, 40, 40)])
def test_the_gradient_of_an_activation(shape: tuple[int, ...], dtype: str, isa: str) -> None:
    generator = np.random.default_rng(1)
    y, dy = (np.asarray(size * normal(generator, shape, dtype), dtype) for size in (4, 1))
    for activation, derivative in DERIVATIVES.items():
        dx = _core.activation_backward(activation, 0.25, y, dy)  # type: ignore[arg-type]
        np.testing.assert_array_equal(dx, dy * derivative(y))


def test_bad_arguments() -> None:
    x, channels = np.zeros((4, 3), np.float32), np.zeros(3, np.float32)
    with pytest.raises(ValueError, match=r"src must have 2 axes. Received: 3"):
        _core.channel_moments(np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match="src must have rows"):
        _core.channel_moments(np.zeros((0, 3)))
    with pytest.raises(ValueError, match=r"centre must have shape \(3\)"):
        _core.ChannelNormalization(x, channels[:2], channels, channels)
    normalization = _core.ChannelNormalization(x, channels, channels, channels, "relu")
    with pytest.raises(TypeError, match="diff_dst must have dtype float32"):
        normalization.gradient_sums(x.astype(np.float64))
    with pytest.raises(ValueError, match=r"residual must have shape \(4, 3\)"):
        normalization.run(x[:2])
    with pytest.raises(ValueError, match=r"lift must have shape \(3\)"):
        normalization.gradient(x, channels, channels[:2])
    with pytest.raises(ValueError, match="diff_dst must have shape"):
        _core.activation_backward("relu", 0.0, x, x[:2])
    with pytest.raises(ValueError, match="activation must be"):
        _core.activation_backward("tanh", 0.0, x, x)  # type: ignore[arg-type]
