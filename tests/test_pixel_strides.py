"""Convolution and pooling of some channels of wider images, as the parts of a concatenation are.

The bits are those of the dense run, and nothing is written between the pixels.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import problems
from arrays import Array, conv_shapes, normal
from guards import SENTINEL
from plans import plan
from problems import Problem
from pyconv import _core

FOLDER = Path(__file__).parent / "problems"
POOLS = problems.read(FOLDER / "pool.txt")


def accepted(problem: Problem, algorithm: str, dtype: str, direction: Any = "forward") -> bool:
    try:
        plan(problem, direction, dtype, algorithm, precision="fast")
    except ValueError:
        return False
    return True


CONVS = [
    pytest.param(problem, algorithm, dtype, id=f"{problem.name}-{algorithm}-{dtype}")
    for problem, algorithm, dtype in itertools.product(
        problems.read(FOLDER / "conv.txt"), _core.conv_algorithms(), ("float32", "float64")
    )
    if accepted(problem, algorithm, dtype)
]
assert {case.values[1] for case in CONVS} == {
    name for name in _core.conv_algorithms() if not name.endswith(("_weights", "_transposed"))
}


class Slice:
    """An array as channels first, first + 1, ... of images that have more of them, what they are not being `fill`."""

    def __init__(self, array: Array, first: int, after: int, fill: float) -> None:
        *shape, channels = array.shape
        self._wide = np.full((*shape, first + channels + after), fill, array.dtype)
        self._inner = slice(first, first + channels)
        self.array = self._wide[..., self._inner]
        self.array[...] = array
        self.stride = self._wide.shape[-1]

    def check(self) -> None:
        outside = np.delete(self._wide, self._inner, axis=-1)
        assert (outside == SENTINEL).all(), "written between the pixels"


@pytest.mark.parametrize(("problem", "algorithm", "dtype"), CONVS)
def test_convolution(problem: Problem, algorithm: str, dtype: Any, isa: str, rng: np.random.Generator) -> None:
    x, kernel, bias, y = (normal(rng, shape, dtype) for shape in conv_shapes(problem))
    options: dict[str, Any] = {"precision": "fast", "activation": "relu"}
    dense = plan(problem, "forward", dtype, algorithm, **options)
    for residual in (None, y):
        expected = dense.run(x, kernel, bias, residual=residual)
        src = Slice(x, 2, 3, np.nan)  # read, it would show in the results
        dst = Slice(np.full_like(y, np.nan) if residual is None else residual, 5, 1, SENTINEL)
        made = plan(problem, "forward", dtype, algorithm, src_stride=src.stride, dst_stride=dst.stride, **options)
        made.run(src.array, kernel, bias, dst.array, None if residual is None else dst.array)
        # Dense pixels of fewer channels than a vector holds are taken side by side, which sums in another order.
        side_by_side = algorithm == "depthwise" and problem.groups < 64 // expected.itemsize
        tolerance = 16 * np.finfo(dtype).eps * np.abs(expected).max(initial=0) if side_by_side else 0
        np.testing.assert_allclose(dst.array, expected, rtol=0, atol=tolerance)
        dst.check()


@pytest.mark.parametrize("algorithm", [name for name in _core.conv_algorithms() if not name.endswith("_weights")])
def test_transposed_convolution(algorithm: str, isa: str, rng: np.random.Generator) -> None:
    activation = "linear" if algorithm == "winograd4_transposed" else "relu"  # that one refuses others
    options: dict[str, Any] = {"precision": "fast", "activation": activation}
    served = [p for p in problems.read(FOLDER / "conv.txt") if accepted(p, algorithm, "float32", "backward_data")]
    assert bool(served) == ("stride2" not in algorithm)
    for problem in served[:8]:
        x, kernel, _, y = (normal(rng, shape) for shape in conv_shapes(problem))
        bias, expected = normal(rng, x.shape[-1:]), np.empty_like(x)
        plan(problem, "backward_data", "float32", algorithm, **options).run(expected, kernel, bias, y)
        src, dst = Slice(np.full_like(x, np.nan), 5, 1, SENTINEL), Slice(y, 2, 3, np.nan)
        strides = {"src_stride": src.stride, "dst_stride": dst.stride}
        made = plan(problem, "backward_data", "float32", algorithm, **strides, **options)
        made.run(src.array, kernel, bias, dst.array)
        side_by_side = algorithm == "depthwise" and problem.groups < 64 // expected.itemsize
        tolerance = 16 * np.finfo(np.float32).eps * np.abs(expected).max(initial=0) if side_by_side else 0
        np.testing.assert_allclose(src.array, expected, rtol=0, atol=tolerance)
        src.check()


@pytest.mark.parametrize("problem", POOLS, ids=lambda problem: problem.name)
@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pooling(
    problem: Problem, kind: Literal["max", "average"], dtype: Any, isa: str, rng: np.random.Generator
) -> None:
    def made(src_stride: int = 0, dst_stride: int = 0) -> _core.PoolPlan:
        geometry = problem.input_size, problem.kernel_size, problem.strides, problem.dilation, problem.pads
        return _core.PoolPlan(
            "pool", kind, dtype, problem.batch, problem.in_channels, *geometry, src_stride, dst_stride
        )

    x = normal(rng, (problem.batch, *problem.input_size, problem.in_channels), dtype)
    expected = made().forward(x)
    src, dst = Slice(x, 3, 2, np.nan), Slice(np.full_like(expected, np.nan), 1, 4, SENTINEL)
    made(src.stride, dst.stride).forward(src.array, dst.array)
    np.testing.assert_array_equal(dst.array, expected)
    dst.check()


LINE = "mb2_ic3ih8iw8_oc4oh6ow6_kh3kw3"


def test_strides_below_the_channels_are_refused() -> None:
    for strides in ({"src_stride": 2}, {"dst_stride": 3}):
        with pytest.raises(ValueError, match=r"conv: (src|dst)_stride must be at least the channels"):
            plan(problems.parse(LINE), **strides)
    with pytest.raises(ValueError, match="src_stride"):
        plan(problems.parse(LINE), src_stride=-1)
    with pytest.raises(ValueError, match="output would take more than"):
        plan(problems.parse(LINE), dst_stride=2**60)


def test_gradients_are_for_dense_images() -> None:
    with pytest.raises(ValueError, match="must be 0 for backward_weights"):
        plan(problems.parse(LINE), "backward_weights", dst_stride=8)
    pool = _core.PoolPlan("pool", "max", "float32", 1, 2, (4,), (2,), (2,), (1,), [(0, 0)], dst_stride=3)
    x = np.zeros((1, 4, 2), np.float32)
    with pytest.raises(ValueError, match="must be 0"):
        pool.backward(x, np.zeros((1, 2, 2), np.float32), x)


def test_arrays_must_be_as_far_apart_as_the_plan_says() -> None:
    made = plan(problems.parse(LINE), dst_stride=9)
    assert "dst_stride=9" in made.describe()
    x, kernel, y = np.zeros((2, 8, 8, 3), np.float32), np.zeros((3, 3, 3, 4), np.float32), np.zeros((2, 6, 6, 4))
    wide = np.zeros((2, 6, 6, 9), np.float32)
    assert made.run(x, kernel, None, wide[..., 5:]) is not None
    wrong = [
        y.astype(np.float32),
        np.zeros((2, 6, 6, 10), np.float32)[..., :4],
        np.zeros((2, 6, 12, 9), np.float32)[:, :, ::2, :4],
        np.zeros((2, 6, 6, 18), np.float32)[..., 1:9:2],
        np.zeros((2, 12, 6, 9), np.float32)[:, ::2, :, :4],
    ]
    for array in wrong:
        with pytest.raises(ValueError, match="dst must have pixels 9 elements apart"):
            made.run(x, kernel, None, array)
    with pytest.raises(ValueError, match="dst must have pixels 9 elements apart"):
        made.run(x, kernel, None)
