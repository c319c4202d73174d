"""PoolPlan, by itself: every problem of the file, forward and backward, under every instruction set."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import problems
import reference
from arrays import Array, integers, normal
from guards import Guarded, blank
from problems import Problem
from pyconv import _core

POOLS = problems.read(Path(__file__).parent / "problems/pool.txt")
Kind = Literal["max", "average"]
by_problem = pytest.mark.parametrize("problem", POOLS, ids=lambda problem: problem.name)
by_kind = pytest.mark.parametrize("kind", ["max", "average"])
by_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def plan(problem: Problem, kind: Kind, dtype: Any) -> _core.PoolPlan:
    return _core.PoolPlan(
        f"{kind}_pool",
        kind,
        dtype,
        problem.batch,
        problem.in_channels,
        problem.input_size,
        problem.kernel_size,
        problem.strides,
        problem.dilation,
        problem.pads,
    )


def shapes(problem: Problem) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return (
        (problem.batch, *problem.input_size, problem.in_channels),
        (problem.batch, *problem.output_size, problem.in_channels),
    )


def forward(made: _core.PoolPlan, x: Array, y_shape: tuple[int, ...]) -> Array:
    src, dst = Guarded(x), blank(y_shape, x.dtype)
    made.forward(src.array, dst.array)
    src.check()
    dst.check()
    np.testing.assert_array_equal(src.array, x)
    return dst.array


def backward(made: _core.PoolPlan, x: Array, upstream: Array) -> Array:
    src, diff_dst, diff_src = Guarded(x), Guarded(upstream), blank(x.shape, x.dtype)
    made.backward(src.array, diff_dst.array, diff_src.array)
    for guarded in (src, diff_dst, diff_src):
        guarded.check()
    np.testing.assert_array_equal(diff_dst.array, upstream)
    return diff_src.array


@by_problem
@by_dtype
def test_max_is_exact(problem: Problem, dtype: str, isa: str, threads: int, rng: np.random.Generator) -> None:
    """Integers of [-4, 4] are full of ties, so the first of the largest is tested too."""
    x_shape, y_shape = shapes(problem)
    x, upstream = integers(rng, x_shape, dtype), integers(rng, y_shape, dtype)
    geometry = problem.kernel_size, problem.strides, problem.pads
    made = plan(problem, "max", dtype)
    assert made.output_size == problem.output_size
    np.testing.assert_array_equal(forward(made, x, y_shape), reference.max_pool(x, *geometry))
    np.testing.assert_array_equal(backward(made, x, upstream), reference.max_pool_gradient(x, upstream, *geometry))


@by_problem
@by_dtype
def test_average(problem: Problem, dtype: str, isa: str, threads: int, rng: np.random.Generator) -> None:
    """A window's integers are summed exactly; the division and the product by a rounded 1 / count err by 2 eps."""
    x_shape, y_shape = shapes(problem)
    x, upstream = integers(rng, x_shape, dtype), integers(rng, y_shape, dtype)
    geometry = problem.kernel_size, problem.strides, problem.pads
    made = plan(problem, "average", dtype)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(forward(made, x, y_shape), reference.average_pool(x, *geometry), rtol=2 * eps)
    # Up to a window's worth of shares, none above 4, is added up.
    tolerance = 4 * eps * np.prod(problem.kernel_size)
    expected = reference.average_pool_gradient(x, upstream, *geometry)
    np.testing.assert_allclose(backward(made, x, upstream), expected, rtol=0, atol=tolerance)


@by_problem
@by_kind
def test_bit_identical_whatever_the_threads(problem: Problem, kind: Kind, rng: np.random.Generator) -> None:
    x_shape, y_shape = shapes(problem)
    x, upstream = normal(rng, x_shape), normal(rng, y_shape)
    before = _core.get_num_threads()
    results = []
    try:
        for count in (1, 2, 3, 7):
            _core.set_num_threads(count)
            made = plan(problem, kind, "float32")
            results.append((forward(made, x, y_shape).tobytes(), backward(made, x, upstream).tobytes()))
    finally:
        _core.set_num_threads(before)
    assert all(result == results[0] for result in results[1:])


@by_kind
def test_an_empty_batch(kind: Kind, isa: str) -> None:
    problem = problems.parse("mb0_ic3ih6iw6_oh3ow3_kh2kw2_sh2sw2")
    x_shape, y_shape = shapes(problem)
    made = plan(problem, kind, "float32")
    x, upstream = np.zeros(x_shape, np.float32), np.zeros(y_shape, np.float32)
    assert forward(made, x, y_shape).shape == y_shape
    assert backward(made, x, upstream).shape == x_shape


@by_kind
@pytest.mark.parametrize("channels", [1, 5, 16, 40])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_wins_wherever_it_stands_in_the_window(kind: Kind, channels: int, dtype: str, isa: str) -> None:
    """x86's maximum gives its second operand when one is NaN, so the place in the window matters."""
    problem = problems.parse(f"mb1_ic{channels}ih2iw9_oh1ow3_kh2kw3_sh2sw3")
    x_shape, y_shape = shapes(problem)
    for row, column in np.ndindex(2, 3):
        x = np.ones(x_shape, dtype)
        x[0, row, column, channels // 2] = np.nan
        result = forward(plan(problem, kind, dtype), x, y_shape)
        expected = np.ones(y_shape, dtype)
        expected[0, 0, 0, channels // 2] = np.nan
        np.testing.assert_array_equal(result, expected)


@by_kind
@pytest.mark.parametrize(("channels", "width"), [(100, 8), (140, 32)], ids=["march", "window by window"])
def test_nan_in_windows_of_2x2(kind: Kind, channels: int, width: int, isa: str) -> None:
    """Several vectors of channels of a line, of which one is of no number."""
    problem = problems.parse(f"mb1_ic{channels}ih2iw{width}_oh1ow{width // 2}_kh2kw2_sh2sw2")
    x_shape, y_shape = shapes(problem)
    for row, column, channel in itertools.product(range(2), (2, 3), (0, 70, channels - 1)):
        x = np.ones(x_shape, np.float32)
        x[0, row, column, channel] = np.nan
        expected = np.ones(y_shape)
        expected[0, 0, 1, channel] = np.nan
        np.testing.assert_array_equal(forward(plan(problem, kind, "float32"), x, y_shape), expected)


@by_kind
@pytest.mark.parametrize("stride", [1, 2])
def test_nan_in_a_column_that_windows_share(kind: Kind, stride: int, isa: str) -> None:
    problem = problems.parse(f"mb1_ic70ih3iw7_oh1ow{(7 - 3) // stride + 1}_kh3kw3_sh{stride}sw{stride}")
    x_shape, y_shape = shapes(problem)
    for row, column in np.ndindex(3, 7):
        x = np.ones(x_shape, np.float32)
        x[0, row, column, 41] = np.nan
        expected = np.ones(y_shape)
        for window in range(y_shape[2]):
            if stride * window <= column < stride * window + 3:
                expected[0, 0, window, 41] = np.nan
        result = forward(plan(problem, kind, "float32"), x, y_shape)
        # The product of nine by a rounded 1 / 9 errs by 2 eps.
        np.testing.assert_allclose(result, expected, rtol=2 * np.finfo(np.float32).eps)


@pytest.mark.parametrize("channels", [1, 20])
def test_dilation(channels: int, isa: str, rng: np.random.Generator) -> None:
    problem = problems.parse(f"mb2_ic{channels}ih9iw11_oh3ow8_kh3kw2_sh2sw1_dh1dw2")
    x_shape, y_shape = shapes(problem)
    x = integers(rng, x_shape)
    elements = [x[:, 2 * h : 2 * h + 5 : 2, 3 * w : 3 * w + 8] for h in range(3) for w in range(2)]
    np.testing.assert_array_equal(forward(plan(problem, "max", "float32"), x, y_shape), np.max(elements, axis=0))
    mean = forward(plan(problem, "average", "float32"), x, y_shape)
    eps = np.finfo(np.float32).eps  # the product by a rounded 1 / 6 errs by 2 eps
    np.testing.assert_allclose(mean, np.mean(elements, axis=0), rtol=2 * eps)


def test_infinities(isa: str) -> None:
    problem = problems.parse("mb1_ic1iw4_ow4_kw3_pw1")
    x = np.array([-np.inf, -np.inf, -np.inf, np.inf], np.float32).reshape(1, 4, 1)
    result = forward(plan(problem, "max", "float32"), x, x.shape)
    np.testing.assert_array_equal(result.ravel(), [-np.inf, -np.inf, np.inf, np.inf])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "median"}, "kind|median"),
        ({"dtype": "int32"}, "dtype|int32"),
        ({"batch": -1}, "batch"),
        ({"channels": 0}, "channels"),
        ({"input_size": (0, 8)}, "input|size"),
        ({"input_size": (1, 8)}, "output|empty|positive"),
        ({"pool_size": (0, 2)}, "pool"),
        ({"pool_size": (2,)}, "rank|length|dimension|axes"),
        ({"strides": (0, 2)}, "stride"),
        ({"dilation": (0, 1)}, "dilation"),
        ({"pads": ((-1, 0), (0, 0))}, "pad"),
        ({"pads": ((0, 0), (0, 2))}, "padding must be less than pool_size"),
        ({"batch": 2**31, "input_size": (2**30, 2**30)}, "large|overflow|2\\^|limit|many"),
    ],
)
def test_bad_problems(change: dict[str, Any], words: str) -> None:
    arguments: dict[str, Any] = {
        "op": "max_pool",
        "kind": "max",
        "dtype": "float32",
        "batch": 1,
        "channels": 3,
        "input_size": (8, 8),
        "pool_size": (2, 2),
        "strides": (2, 2),
        "dilation": (1, 1),
        "pads": ((0, 0), (0, 0)),
    }
    _core.PoolPlan(**arguments)
    with pytest.raises(ValueError, match=f"(?i)({words})"):
        _core.PoolPlan(**{**arguments, **change})


def test_bad_arrays() -> None:
    made = plan(problems.parse("mb1_ic3ih4iw4_oh2ow2_kh2kw2_sh2sw2"), "max", "float32")
    x, y = np.zeros((1, 4, 4, 3), np.float32), np.zeros((1, 2, 2, 3), np.float32)
    made.forward(x, y)
    for bad in (x[:, :3], x.astype(np.float64), np.asfortranarray(x), x.tolist(), None):
        with pytest.raises((ValueError, TypeError)):
            made.forward(bad, y)  # type: ignore[arg-type]
        with pytest.raises((ValueError, TypeError)):
            made.backward(x, y, bad)  # type: ignore[arg-type]


@by_kind
@pytest.mark.parametrize("window", ["oh30ow30_kh2kw2_sh2sw2", "oh30ow30_kh3kw3_sh2sw2_ph1pw1"])
def test_results_beyond_the_caches(kind: Kind, window: str, isa: str) -> None:
    """Results of many images go past the caches, where their memory is aligned: the same bits as one by one."""
    images, channels = 16, 64
    many, one = (problems.parse(f"mb{batch}_ic{channels}ih60iw60_{window}") for batch in (images, 1))
    x_shape, y_shape = shapes(many)
    x = (np.arange(np.prod(x_shape), dtype=np.int32) % 1009).astype(np.float32).reshape(x_shape)
    x[3, 29, 31, 5] = np.nan
    single = plan(one, kind, "float32")
    expected = np.concatenate([single.forward(x[image : image + 1]) for image in range(images)])
    made = plan(many, kind, "float32")
    memory = np.empty(expected.size + 17, np.float32)
    aligned = -memory.ctypes.data % 64 // 4
    for begin in (aligned, aligned + 1):
        memory[:] = -1
        dst = memory[begin : begin + expected.size].reshape(y_shape)
        made.forward(x, dst)
        np.testing.assert_array_equal(dst, expected)
        assert np.all(memory[:begin] == -1)
        assert np.all(memory[begin + expected.size :] == -1)
