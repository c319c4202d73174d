"""ops.max_pool and ops.average_pool: any problem in any layout, forward and gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from arrays import LAYOUTS, Array, integers
from problems import Problem
from pyconv import ops
from pyconv.gradient import Tape
from strategies import poolings

# Averages divide once and multiply by a rounded 1 / count at worst: 2 eps. Gradients add up to a window of shares below
# 4, of at most 64 elements here.
EPS = float(np.finfo(np.float32).eps)


def example(problem: Problem) -> tuple[Array, Array]:
    generator = np.random.default_rng(11)
    x = integers(generator, (problem.batch, *problem.input_size, problem.in_channels))
    return x, integers(generator, (problem.batch, *problem.output_size, problem.in_channels))


@given(problem=poolings())
def test_max_pool(problem: Problem, isa: str) -> None:
    x, upstream = example(problem)
    geometry = problem.kernel_size, problem.strides, problem.pads
    with Tape([x]) as tape:
        y = ops.max_pool(x, *geometry)
    np.testing.assert_array_equal(y, reference.max_pool(x, *geometry))
    np.testing.assert_array_equal(tape.gradient(y, upstream)[0], reference.max_pool_gradient(x, upstream, *geometry))


@given(problem=poolings())
def test_average_pool(problem: Problem, isa: str) -> None:
    x, upstream = example(problem)
    geometry = problem.kernel_size, problem.strides, problem.pads
    with Tape([x]) as tape:
        y = ops.average_pool(x, *geometry)
    np.testing.assert_allclose(y, reference.average_pool(x, *geometry), rtol=2 * EPS, atol=0)
    right = reference.average_pool_gradient(x, upstream, *geometry)
    np.testing.assert_allclose(tape.gradient(y, upstream)[0], right, rtol=0, atol=4 * 64 * EPS)


@given(problem=poolings(), layout=st.sampled_from(sorted(LAYOUTS)), kind=st.sampled_from(["max", "average"]))
def test_any_layout_in_memory(problem: Problem, layout: str, kind: str) -> None:
    x, _ = example(problem)
    pool = getattr(ops, f"{kind}_pool")
    geometry = problem.kernel_size, problem.strides, problem.pads
    y = pool(LAYOUTS[layout](x), *geometry)
    assert y.flags.c_contiguous
    np.testing.assert_array_equal(y, pool(x, *geometry))
    images = LAYOUTS[layout](np.moveaxis(x, -1, 1))
    first = pool(images, *geometry, data_format="channels_first")
    assert first.flags.c_contiguous
    np.testing.assert_array_equal(first, np.moveaxis(y, -1, 1))


@pytest.mark.parametrize("pool", [ops.max_pool, ops.average_pool])
def test_strides_are_the_pool_size_by_default(pool: Any, rng: np.random.Generator) -> None:
    x = integers(rng, (2, 8, 9, 3))
    np.testing.assert_array_equal(pool(x, (2, 3)), pool(x, (2, 3), strides=(2, 3)))
    np.testing.assert_array_equal(pool(x, 2, padding="same"), pool(x, 2, 2, ((0, 0), (0, 1))))


@pytest.mark.parametrize("pool", [ops.max_pool, ops.average_pool])
@pytest.mark.parametrize(("dtype", "result"), [("uint8", "float32"), (">f8", "float64"), ("float16", "float32")])
def test_dtypes(pool: Any, dtype: str, result: str, rng: np.random.Generator) -> None:
    x = np.abs(integers(rng, (1, 4, 4, 2)))
    y = pool(x.astype(dtype), 2)
    assert y.dtype == np.dtype(result)
    np.testing.assert_array_equal(y, pool(x, 2))


def test_pads_are_not_counted() -> None:
    y = ops.average_pool(np.full((1, 3, 3, 1), 6.0), 3, 1, "same")
    np.testing.assert_array_equal(y, np.full((1, 3, 3, 1), 6.0))


def test_pads_never_win() -> None:
    y = ops.max_pool(np.full((1, 3, 3, 1), -6.0), 3, 1, "same")
    np.testing.assert_array_equal(y, np.full((1, 3, 3, 1), -6.0))


@pytest.mark.parametrize("pool", [ops.max_pool, ops.average_pool])
@pytest.mark.parametrize("width", [63, 64])
def test_channels_first_however_wide(pool: Any, width: int, rng: np.random.Generator) -> None:
    """Wide images are pooled as they lie, others transposed."""
    x = integers(rng, (2, 3, 7, width))
    y = pool(x, 3, 2, "same", data_format="channels_first")
    expected = np.moveaxis(pool(np.moveaxis(x, 1, -1), 3, 2, "same"), -1, 1)
    np.testing.assert_allclose(y, expected, rtol=2 * EPS)  # an average's scale may differ by a rounding
    out = np.empty_like(y)
    assert pool(x, 3, 2, "same", data_format="channels_first", out=out) is out
    np.testing.assert_array_equal(out, y)
    empty = pool(x[:0], 3, 2, "same", data_format="channels_first")
    assert empty.shape == (0, *y.shape[1:])
