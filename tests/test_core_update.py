"""The core's steps of optimizers against their equations in float64, under every instruction set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from arrays import Array, normal
from guards import Guarded
from pyconv import _core

RATE, KEEP = 0.25, 0.875


def sgd(w: Array, g: Array, momentum: float = 0.0, nesterov: bool = False, velocity: Any = None) -> None:
    step = RATE * g
    change = -step
    if velocity is not None:
        velocity[...] = momentum * velocity - step
        change = momentum * velocity - step if nesterov else velocity
    w[...] = KEEP * w + change


def adam(w: Array, g: Array, mean: Array, square: Array, largest: Any = None, share: float = 0.1) -> None:
    mean += share * (g - mean)
    square += share / 2 * (g * g - square)
    if largest is not None:
        largest[...] = square = np.maximum(largest, square)
    w[...] = KEEP * w - RATE * mean / (np.sqrt(square) + 0.01)


def rmsprop(
    w: Array, g: Array, square: Array, velocity: Any = None, mean: Any = None, rho: float = 0.75, momentum: float = 0.5
) -> None:
    square[...] = rho * square + (1 - rho) * g * g
    variance = square
    if mean is not None:
        mean[...] = rho * mean + (1 - rho) * g
        variance = square - mean * mean
    step = RATE * g / np.sqrt(variance + 0.01)
    if velocity is not None:
        velocity[...] = step = momentum * velocity + step
    w[...] = KEEP * w - step


def core_adam(w: Array, g: Array, *, mean: Array, square: Array, largest: Any = None, **cut: float) -> None:
    _core.adam_update(w, g, KEEP, RATE, 0.1, 0.05, 0.01, mean, square, largest, **cut)


def core_rmsprop(w: Array, g: Array, *, square: Array, velocity: Any = None, mean: Any = None, **cut: float) -> None:
    _core.rmsprop_update(w, g, KEEP, RATE, 0.75, 0.25, 0.01, square, 0.5, velocity, 0.25, mean, **cut)


def core_sgd(w: Array, g: Array, **kept: Any) -> None:
    _core.sgd_update(w, g, KEEP, RATE, **kept)


CASES: dict[str, tuple[Callable[..., None], Callable[..., None], tuple[str, ...], dict[str, Any]]] = {
    "sgd": (core_sgd, sgd, (), {}),
    "momentum": (core_sgd, sgd, ("velocity",), {"momentum": 0.5}),
    "nesterov": (core_sgd, sgd, ("velocity",), {"momentum": 0.5, "nesterov": True}),
    "adam": (core_adam, adam, ("mean", "square"), {}),
    "amsgrad": (core_adam, adam, ("mean", "square", "largest"), {}),
    "rmsprop": (core_rmsprop, rmsprop, ("square",), {}),
    "rmsprop_momentum": (core_rmsprop, rmsprop, ("square", "velocity"), {}),
    "rmsprop_centred": (core_rmsprop, rmsprop, ("square", "velocity", "mean"), {}),
}
by_case = pytest.mark.parametrize("case", CASES)


def example(names: tuple[str, ...], shape: tuple[int, ...], dtype: Any) -> list[Array]:
    """Weights, gradients and what is kept: squares are positive, and as large as the square of any mean."""
    generator = np.random.default_rng(3)
    arrays = [normal(generator, shape, dtype) for _ in range(2 + len(names))]
    for index, name in enumerate(names, start=2):
        if name in ("square", "largest"):
            arrays[index] = np.asarray(np.abs(arrays[index]) + 4)
        elif name == "mean":
            arrays[index] = np.asarray(arrays[index] * 0.25)
    return arrays


@by_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(), (1,), (3, 17), (70, 33)])
def test_a_step(case: str, shape: tuple[int, ...], dtype: str, isa: str) -> None:
    """Off by a few roundings of numbers of about 10 at most."""
    run, formula, names, numbers = CASES[case]
    arrays = example(names, shape, dtype)
    guarded = [Guarded(array) for array in arrays]
    weights, gradients, *kept = (each.array for each in guarded)
    run(weights, gradients, **dict(zip(names, kept, strict=True)), **numbers)
    exact = [np.array(array, np.longdouble) for array in arrays]
    formula(exact[0], exact[1], **dict(zip(names, exact[2:], strict=True)), **numbers)
    for each, expected in zip(guarded, exact, strict=True):
        each.check()
        np.testing.assert_allclose(each.array, expected, rtol=0, atol=40 * np.finfo(dtype).eps)


@by_case
def test_gradients_multiplied_and_cut(case: str, isa: str) -> None:
    """As if they had been before, by factors without roundings; NaN stays."""
    run, _, names, numbers = CASES[case]
    results = []
    for factor, limit in ((0.25, 0.125), (1.0, np.inf)):
        arrays = example(names, (70, 3), "float32")
        arrays[1][0, 0] = np.nan
        if factor == 1:
            arrays[1] = np.clip(0.25 * arrays[1], -0.125, 0.125)
        run(arrays[0], arrays[1], **dict(zip(names, arrays[2:], strict=True)), **numbers, factor=factor, limit=limit)
        results.append([arrays[0], *arrays[2:]])
    assert np.isnan(results[0][0]).sum() == 1
    for found, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sums_of_squares(dtype: str, isa: str, rng: np.random.Generator) -> None:
    """Exact on whole numbers; of numbers whose squares no float32 holds; by any number of threads."""
    for count in (0, 1, 15, 16, 17, 100_003):
        numbers = rng.integers(-9, 10, count).astype(dtype)
        assert _core.sum_of_squares(numbers) == int((numbers.astype(np.int64) ** 2).sum())
    for size in (1e-30, 1e30):
        found = _core.sum_of_squares(np.full((3, 5), size, dtype))
        assert found == pytest.approx(15 * float(np.asarray(size, dtype)) ** 2, rel=1e-14)
    assert np.isnan(_core.sum_of_squares(np.array([1, np.nan], dtype)))
    numbers, found = normal(rng, (300, 401), dtype), set()
    before = _core.get_num_threads()
    for threads in (1, 2, 3):
        _core.set_num_threads(threads)
        found.add(_core.sum_of_squares(numbers))
    _core.set_num_threads(before)
    assert len(found) == 1
    assert found.pop() == pytest.approx(float((numbers.astype(np.float64) ** 2).sum()), rel=1e-13)


@by_case
def test_the_same_bits_whatever_the_threads(case: str) -> None:
    run, _, names, numbers = CASES[case]
    before, results = _core.get_num_threads(), set()
    try:
        for threads in (1, 2, 3):
            _core.set_num_threads(threads)
            arrays = example(names, (301, 333), "float32")
            run(arrays[0], arrays[1], **dict(zip(names, arrays[2:], strict=True)), **numbers)
            results.add(b"".join(array.tobytes() for array in arrays))
    finally:
        _core.set_num_threads(before)
    assert len(results) == 1


def test_nan_stays() -> None:
    w, g, mean, square, largest = (np.ones(5, np.float32) for _ in range(5))
    g[2] = np.nan
    core_adam(w, g, mean=mean, square=square, largest=largest)
    for array in (w, mean, square, largest):
        assert np.isnan(array).tolist() == [False, False, True, False, False]


def test_arrays_that_do_not_fit_are_refused() -> None:
    w, long = np.ones(4, np.float32), np.ones(5, np.float32)
    with pytest.raises(ValueError, match=r"gradients must have shape \(4\)"):
        core_sgd(w, long)
    with pytest.raises(TypeError, match="velocity must have dtype float32"):
        core_sgd(w, w, velocity=w.astype(np.float64))
    with pytest.raises(TypeError, match="weights must have dtype float32"):
        core_sgd(w.astype(np.int64), w)
    with pytest.raises(ValueError, match="square must be C-contiguous"):
        core_rmsprop(w, w.copy(), square=np.ones(8, np.float32)[::2])
