"""ops.pad against np.pad, and its gradient by its definition: each element's copies are summed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrays import LAYOUTS, Array, integers
from pyconv import ops
from pyconv.gradient import Tape

MODES: Any = ["constant", "edge", "reflect", "symmetric", "wrap"]
PAIRS = [(0, 0), (1, 2), (3, 0)]


def images(shape: tuple[int, ...] = (2, 4, 3)) -> Array:
    return integers(np.random.default_rng(12), shape)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_forward(mode: Any, layout: str) -> None:
    y = ops.pad(LAYOUTS[layout](images()), PAIRS, mode)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, np.pad(images(), PAIRS, mode))


@pytest.mark.parametrize("mode", MODES)
def test_gradient(mode: Any) -> None:
    x = images()
    upstream = integers(np.random.default_rng(13), (2, 7, 6))
    with Tape([x]) as tape:
        y = ops.pad(x, PAIRS, mode)
    places = np.pad(np.arange(1, x.size + 1).reshape(x.shape), PAIRS, mode)  # 0: a constant
    right = [upstream[places == place].sum() for place in range(1, x.size + 1)]
    np.testing.assert_array_equal(tape.gradient(y, upstream)[0].ravel(), right)


@given(
    axes=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=5),
    value=st.sampled_from([0.0, 2.5, -np.inf, np.nan]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_constants(axes: list[tuple[int, int, int]], value: float, dtype: Any) -> None:
    x = images(tuple(size for size, _, _ in axes)).astype(dtype)
    pairs = [(before, after) for _, before, after in axes]
    y = ops.pad(x, pairs, constant_values=value)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, np.pad(x, pairs, constant_values=value))


@pytest.mark.parametrize("pad_width", [2, (1, 2), ((1, 2),), [[0, 1], [2, 0], [1, 1]], np.array([[0, 1]] * 3)])
def test_forms_of_pad_width(pad_width: Any) -> None:
    np.testing.assert_array_equal(ops.pad(images(), pad_width), np.pad(images(), pad_width))


def test_without_pads_it_is_still_a_new_array() -> None:
    x = images()
    y = ops.pad(x, 0)
    assert y is not x
    assert not np.shares_memory(x, y)
    np.testing.assert_array_equal(x, y)
