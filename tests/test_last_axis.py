"""Softmax and normalisation of rows in the core, and images blended from others, against NumPy in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arrays import Array, normal
from pyconv import _core, ops
from pyconv.gradient import Tape
from pyconv.ops.resampling import along_axis

# Less than a vector, several and a rest, more than the stretch whose sum is taken at once.
CHANNELS = [1, 3, 16, 21, 1000, 2500]
ROUNDINGS = 16  # of a result: e^x, a sum whose roundings mostly cancel, a quotient


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax(channels: int, dtype: Any, isa: str, threads: int, rng: np.random.Generator) -> None:
    x = 10 * normal(rng, (7, channels), dtype)
    precise = x.astype(np.longdouble)
    below = precise - precise.max(-1, keepdims=True)
    right = np.exp(below)
    right /= right.sum(-1, keepdims=True)
    y = _core.softmax(x)
    # The rounding of x - max(x) counts as often in e^x as that is large.
    assert (np.abs(y - right) <= (ROUNDINGS - below) * np.finfo(dtype).eps * right).all()
    np.testing.assert_array_equal(_core.softmax(x, x), y)  # in place


def test_softmax_of_infinities_and_nan(isa: str) -> None:
    rows = np.array([[0, -np.inf, 0], [np.nan, 0, 1], [0, 1, np.inf], [-np.inf, -np.inf, -np.inf]], np.float32)
    y = _core.softmax(np.tile(rows, (1, 7)))  # more than a vector, and a rest
    np.testing.assert_allclose(y[0], np.tile([1, 0, 1], 7) / np.float32(14), rtol=1e-6)
    assert np.isnan(y[1:]).all()


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_row_normalize(channels: int, centred: bool, dtype: Any, isa: str, rng: np.random.Generator) -> None:
    x = normal(rng, (5, channels), dtype) + dtype(3)
    scale, shift = normal(rng, (channels,), dtype), normal(rng, (channels,), dtype)
    precise = x.astype(np.longdouble)
    z = precise - precise.mean(-1, keepdims=True) if centred else precise
    z = z / np.sqrt((z * z).mean(-1, keepdims=True) + np.longdouble(1e-3))
    # The mean's rounding stays in numbers of about 3; times a scale of at most 4.
    bound = 3 * 4 * ROUNDINGS * np.finfo(dtype).eps
    np.testing.assert_allclose(_core.row_normalize(x, centred, 1e-3), z.astype(dtype), rtol=0, atol=bound)
    y = _core.row_normalize(x, centred, 1e-3, scale, shift)
    np.testing.assert_allclose(y, (z * scale + shift).astype(dtype), rtol=0, atol=2 * bound)


def test_a_long_row_keeps_its_digits() -> None:
    """Added one by one in float32, a million numbers near 1000 have a mean that is off by some units."""
    x = np.full((1, 10**6), 1000.1, np.float32)
    x[0, ::2] += 1
    y = _core.row_normalize(x, True, 0.0)
    precise = x.astype(np.float64)
    # The mean's rounding at 1000 is 1e-4 of the deviation, 0.5.
    np.testing.assert_allclose(y, (precise - precise.mean()) / precise.std(), atol=2e-4)


@pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
def test_normalisation_is_the_same_while_a_tape_records(axis: Any, rng: np.random.Generator) -> None:
    x = normal(rng, (3, 4, 37))
    sizes = [x.shape[place] for place in np.atleast_1d(axis)]
    scale, shift = normal(rng, sizes), normal(rng, sizes)
    for function, numbers in ((ops.layer_normalization, (scale, shift)), (ops.rms_normalization, (scale,))):
        y = function(x, *numbers, axis=axis)
        with Tape([x]):
            np.testing.assert_allclose(y, function(x, *numbers, axis=axis), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3, 16, 40])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_resampling(channels: int, dtype: Any, isa: str, threads: int) -> None:
    rng = np.random.default_rng(4)

    def taps(results: int, count: int, size: int) -> tuple[Array, Array]:
        return rng.integers(0, size, (results, count)), rng.integers(-3, 4, (results, count)).astype(float)

    x = rng.integers(-9, 10, (2, 5, 6, channels)).astype(dtype)
    same = np.arange(6)[:, None], np.ones((6, 1))
    for rows in (taps(7, 1, 5), taps(4, 3, 5), (np.arange(5)[:, None], np.ones((5, 1)))):
        for cols in (taps(9, 2, 6), taps(3, 1, 6), same):
            right = np.einsum("yr,nyrwc->nywc", rows[1], x[:, rows[0]])
            right = np.einsum("xr,nyxrc->nyxc", cols[1], right[:, :, cols[0]])
            y = _core.Resampling(dtype, *x.shape, rows, cols).run(x)
            np.testing.assert_array_equal(y, right)


def test_what_resampling_is_not_made_of() -> None:
    good = np.zeros((2, 1), int), np.ones((2, 1))
    for rows, words in (
        ((np.full((2, 1), 5), np.ones((2, 1))), "within the 5 rows"),
        ((np.full((2, 1), -1), np.ones((2, 1))), "within the 5 rows"),
        ((np.zeros((2, 1), int), np.ones((2, 2))), "shape"),
        ((np.zeros((2, 0), int), np.ones((2, 0))), "shape"),
    ):
        with pytest.raises(ValueError, match=words):
            _core.Resampling("float32", 1, 5, 3, 2, rows, good)
    with pytest.raises(ValueError, match="not larger than any memory"):
        _core.Resampling("float32", 2**40, 2**40, 3, 2, good, good)


def test_a_pixel_of_weight_zero_is_not_read() -> None:
    x = np.array([[np.nan, 2.0, 4.0]])
    y = along_axis(x, 1, np.array([[0, 1], [1, 2]]), np.array([[0.0, 1.0], [0.5, 0.5]]))
    np.testing.assert_array_equal(y, [[2, 3]])
