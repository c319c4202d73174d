"""The reference itself, against torch in float64: the one test that tells whether the others mean anything.

Both sum the same products in float64 in another order: 1e-12 is 4,500 times float64's rounding, and a thousandth of
the smallest mistake that a wrong index could make.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import problems
import reference
from arrays import conv_shapes, normal
from problems import Problem

HERE = Path(__file__).parent
CONVS = problems.read(HERE / "problems/conv.txt")
POOLS = problems.read(HERE / "problems/pool.txt")
TOLERANCE = {"rtol": 1e-12, "atol": 1e-12}


def channels_first(torch: ModuleType, x: reference.Array) -> Any:
    return torch.from_numpy(np.moveaxis(x, -1, 1).copy()).requires_grad_()


def channels_last(x: Any) -> reference.Array:
    return np.moveaxis(x.detach().numpy(), 1, -1)


def padded(torch: ModuleType, x: Any, problem: Problem, value: float = 0.0) -> Any:
    flat = [amount for pads in reversed(problem.pads) for amount in pads]
    return torch.nn.functional.pad(x, flat, value=value)


@pytest.mark.parametrize("problem", CONVS, ids=lambda problem: problem.name)
def test_conv(problem: Problem, torch: ModuleType, rng: np.random.Generator) -> None:
    x, kernel, bias, upstream = (normal(rng, shape, np.float64) for shape in conv_shapes(problem))
    geometry = problem.strides, problem.dilation, problem.pads

    images = channels_first(torch, x)
    weights = torch.from_numpy(np.moveaxis(kernel, (-1, -2), (0, 1)).copy()).requires_grad_()
    offsets = torch.from_numpy(bias).requires_grad_()
    function = getattr(torch.nn.functional, f"conv{problem.rank}d")
    y = function(
        padded(torch, images, problem),
        weights,
        offsets,
        stride=problem.strides,
        dilation=problem.dilation,
        groups=problem.groups,
    )
    y.backward(torch.from_numpy(np.moveaxis(upstream, -1, 1).copy()))

    np.testing.assert_allclose(reference.conv(x, kernel, bias, *geometry), channels_last(y), **TOLERANCE)
    diff_x, diff_kernel, diff_bias = reference.conv_gradients(x, kernel, upstream, *geometry)
    np.testing.assert_allclose(diff_x, channels_last(images.grad), **TOLERANCE)
    np.testing.assert_allclose(diff_kernel, np.moveaxis(weights.grad.numpy(), (0, 1), (-1, -2)), **TOLERANCE)
    np.testing.assert_allclose(diff_bias, offsets.grad.numpy(), **TOLERANCE)


@pytest.mark.parametrize("problem", POOLS, ids=lambda problem: problem.name)
def test_max_pool(problem: Problem, torch: ModuleType, rng: np.random.Generator) -> None:
    x = normal(rng, (problem.batch, *problem.input_size, problem.in_channels), np.float64)
    upstream = normal(rng, (problem.batch, *problem.output_size, problem.in_channels), np.float64)
    geometry = problem.kernel_size, problem.strides, problem.pads

    images = channels_first(torch, x)
    function = getattr(torch.nn.functional, f"max_pool{problem.rank}d")
    y = function(padded(torch, images, problem, -np.inf), problem.kernel_size, problem.strides)
    y.backward(torch.from_numpy(np.moveaxis(upstream, -1, 1).copy()))

    np.testing.assert_array_equal(reference.max_pool(x, *geometry), channels_last(y))
    gradient = reference.max_pool_gradient(x, upstream, *geometry)
    np.testing.assert_allclose(gradient, channels_last(images.grad), **TOLERANCE)


@pytest.mark.parametrize("problem", POOLS, ids=lambda problem: problem.name)
def test_average_pool(problem: Problem, torch: ModuleType, rng: np.random.Generator) -> None:
    x = normal(rng, (problem.batch, *problem.input_size, problem.in_channels), np.float64)
    upstream = normal(rng, (problem.batch, *problem.output_size, problem.in_channels), np.float64)
    geometry = problem.kernel_size, problem.strides, problem.pads

    # torch counts symmetric pads only, so both the sum and the count of real elements are pooled here.
    images = channels_first(torch, x)
    function = getattr(torch.nn.functional, f"avg_pool{problem.rank}d")
    total = function(padded(torch, images, problem), problem.kernel_size, problem.strides)
    y = total / function(padded(torch, torch.ones_like(images), problem), problem.kernel_size, problem.strides)
    y.backward(torch.from_numpy(np.moveaxis(upstream, -1, 1).copy()))

    np.testing.assert_allclose(reference.average_pool(x, *geometry), channels_last(y), **TOLERANCE)
    gradient = reference.average_pool_gradient(x, upstream, *geometry)
    np.testing.assert_allclose(gradient, channels_last(images.grad), **TOLERANCE)


def test_the_first_of_equal_elements_wins() -> None:
    x = np.array([1.0, 3.0, 3.0, 3.0]).reshape(1, 4, 1)
    gradient = reference.max_pool_gradient(x, np.array([[[10.0], [1.0]]]), [3], [1], [(0, 0)])
    np.testing.assert_array_equal(gradient.ravel(), [0.0, 11.0, 0.0, 0.0])


def test_dense(torch: ModuleType, rng: np.random.Generator) -> None:
    x, kernel, bias, upstream = (normal(rng, s, np.float64) for s in ((2, 5, 3), (3, 4), (4,), (2, 5, 4)))
    leaves = [torch.from_numpy(array).requires_grad_() for array in (x, kernel, bias)]
    y = leaves[0] @ leaves[1] + leaves[2]
    y.backward(torch.from_numpy(upstream))
    np.testing.assert_allclose(reference.dense(x, kernel, bias), y.detach().numpy(), **TOLERANCE)
    for ours, leaf in zip(reference.dense_gradients(x, kernel, upstream), leaves, strict=True):
        np.testing.assert_allclose(ours, leaf.grad.numpy(), **TOLERANCE)


@pytest.mark.parametrize(("n", "k", "s", "d"), [(7, 3, 2, 1), (8, 3, 2, 1), (8, 4, 2, 1), (9, 2, 1, 3), (5, 1, 3, 1)])
def test_same_pads_against_keras(keras: ModuleType, n: int, k: int, s: int, d: int, rng: np.random.Generator) -> None:
    x, kernel = normal(rng, (1, n, 2), np.float64), normal(rng, (k, 2, 3), np.float64)
    theirs = keras.ops.convert_to_numpy(keras.ops.conv(x, kernel, strides=s, padding="same", dilation_rate=d))
    ours = reference.conv(x, kernel, None, [s], [d], reference.same_pads([n], [k], [s], [d]))
    np.testing.assert_allclose(ours, theirs, **TOLERANCE)
