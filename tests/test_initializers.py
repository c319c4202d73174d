"""Initializers: fans as Keras counts them, distributions, seeds. And the process' generator."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from pyconv import initializers

SHAPE = (3, 3, 32, 64)
# Standard deviation by formula: fan_in = 9 * 32, fan_out = 9 * 64.
STDDEVS = {
    "GlorotUniform": (2 / (288 + 576)) ** 0.5,
    "GlorotNormal": (2 / (288 + 576)) ** 0.5,
    "HeUniform": (2 / 288) ** 0.5,
    "HeNormal": (2 / 288) ** 0.5,
    "LecunUniform": (1 / 288) ** 0.5,
    "LecunNormal": (1 / 288) ** 0.5,
    "RandomNormal": 0.05,
    "RandomUniform": 0.05 / 3**0.5,
    "TruncatedNormal": 0.05 * 0.87962566103423978,
    "VarianceScaling": (1 / 288) ** 0.5,
}
random_ones = pytest.mark.parametrize("name", STDDEVS)


@random_ones
def test_moments(name: str) -> None:
    """18,432 numbers: their standard deviation strays by at most 0.6 % (one sigma), their mean by 0.8 % of it."""
    values = getattr(initializers, name)(seed=1)(SHAPE, "float64")
    assert values.shape == SHAPE
    assert values.std() == pytest.approx(STDDEVS[name], rel=0.03)
    assert abs(values.mean()) < 0.04 * STDDEVS[name]


@random_ones
def test_bounds_are_kerass(name: str, keras: ModuleType) -> None:
    """The largest of 18,432 numbers is at the bound within a thousandth where there is one."""
    if name in ("RandomNormal",):
        pytest.skip("a normal distribution has no bound")
    ours = np.abs(getattr(initializers, name)(seed=1)(SHAPE, "float32")).max()
    theirs = np.abs(keras.ops.convert_to_numpy(getattr(keras.initializers, name)(seed=1)(SHAPE))).max()
    assert ours == pytest.approx(float(theirs), rel=2e-3)


@pytest.mark.parametrize(("shape", "right"), [((), (1, 1)), ((5,), (5, 5)), ((5, 7), (5, 7)), (SHAPE, (288, 576))])
def test_fans(shape: tuple[int, ...], right: tuple[int, int]) -> None:
    assert initializers.fans(shape) == right


@random_ones
def test_seeds(name: str) -> None:
    make = getattr(initializers, name)
    np.testing.assert_array_equal(make(seed=3)((4, 5)), make(seed=3)((4, 5)))
    assert (make(seed=3)((4, 5)) != make(seed=4)((4, 5))).any()
    pyconv.seed(7)
    first, second = make()((4, 5)), make()((4, 5))
    assert (first != second).any()
    pyconv.seed(7)
    np.testing.assert_array_equal(make()((4, 5)), first)


@pytest.mark.parametrize("name", ["zeros", "Zeros", "ones", "he_normal", "HeNormal", "glorot_uniform"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_get_by_name(name: str, dtype: str) -> None:
    values = initializers.get(name)((2, 3), dtype)
    assert values.shape == (2, 3)
    assert values.dtype == dtype


def test_get_others() -> None:
    constant = initializers.Constant(0.5)
    assert initializers.get(constant) is constant
    np.testing.assert_array_equal(constant((2,)), [0.5, 0.5])
    assert isinstance(initializers.get(initializers.HeNormal), initializers.HeNormal)
    again = initializers.get(initializers.serialize(initializers.RandomNormal(stddev=0.3, seed=2)))
    np.testing.assert_array_equal(again((3,)), initializers.RandomNormal(stddev=0.3, seed=2)((3,)))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: initializers.get("he_norm"), ValueError, "he_norm"),
        (lambda: initializers.get(3), TypeError, "3"),
        (lambda: initializers.HeNormal(seed=-1), ValueError, "seed.*-1"),
        (lambda: initializers.HeNormal(seed=1.5), TypeError, "seed.*1.5"),
        (lambda: initializers.VarianceScaling(scale=0), ValueError, "scale.*0"),
        (lambda: initializers.VarianceScaling(mode="fan"), ValueError, "mode.*fan"),
        (lambda: initializers.VarianceScaling(distribution="cauchy"), ValueError, "distribution.*cauchy"),
        (lambda: initializers.RandomUniform(1.0, 0.0), ValueError, "minval"),
        (lambda: initializers.RandomNormal(stddev=-1), ValueError, "stddev.*-1"),
        (lambda: initializers.Zeros()((2, -1)), ValueError, "shape.*-1"),
        (lambda: pyconv.seed(-1), ValueError, "seed.*-1"),
        (lambda: pyconv.seed("a"), TypeError, "seed.*a"),
        (lambda: pyconv.utils.set_random_seed(2**32), ValueError, "seed"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_set_random_seed_seeds_numpy_and_python_too() -> None:
    draws = []
    for _ in range(2):
        pyconv.utils.set_random_seed(11)
        draws.append((random.random(), np.random.random(), pyconv.random.generator().random()))  # noqa: NPY002
    assert draws[0] == draws[1]


def test_to_categorical(keras: ModuleType) -> None:
    for labels, count in (([0, 2, 1], None), ([[0], [2]], 5), (np.array([[1, 0]]), 2)):
        ours = pyconv.utils.to_categorical(labels, count)
        np.testing.assert_array_equal(ours, keras.utils.to_categorical(labels, count))
    with pytest.raises(ValueError, match="3"):
        pyconv.utils.to_categorical([3], 3)
    with pytest.raises(ValueError, match="-1"):
        pyconv.utils.to_categorical([-1])


@pytest.mark.parametrize("shape", [(3, 3, 4, 8), (2, 5), (5, 2)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    matrix = initializers.Orthogonal(gain=2.0, seed=1)(shape, "float64").reshape(-1, shape[-1])
    rows, columns = matrix.shape
    products = matrix.T @ matrix if rows >= columns else matrix @ matrix.T
    np.testing.assert_allclose(products, 4 * np.eye(min(rows, columns)), atol=1e-12)


def test_identity() -> None:
    np.testing.assert_array_equal(initializers.Identity(3.0)((2, 3)), [[3, 0, 0], [0, 3, 0]])


@pytest.mark.parametrize(
    "arguments",
    [
        {"input_axes": (1, 2), "output_axes": (3,)},
        {"input_axes": (2,), "output_axes": (1, 3), "mode": "fan_out"},
        {"mode": "fan_avg", "distribution": "untruncated_normal"},
    ],
)
def test_the_fans_of_chosen_axes_are_kerass(arguments: dict[str, Any], keras: ModuleType) -> None:
    shape = (3, 5, 40, 60)
    ours = initializers.VarianceScaling(seed=1, **arguments)(shape)
    theirs = np.asarray(keras.initializers.VarianceScaling(seed=1, **arguments)(shape))
    assert ours.std() == pytest.approx(theirs.std(), rel=0.03)  # 36,000 numbers: 0.4 % of either


@pytest.mark.parametrize(
    "made",
    [
        initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=3, input_axes=(0,), output_axes=(1,)),
        initializers.RandomUniform(-1.0, 2.0, seed=3),
        initializers.Orthogonal(0.5, seed=3),
        initializers.Identity(0.5),
    ],
)
def test_an_initializer_is_made_again_of_its_config(made: initializers.Initializer) -> None:
    for again in (made.clone(), type(made).from_config(made.get_config())):
        np.testing.assert_array_equal(again((4, 4)), made((4, 4)))


@pytest.mark.parametrize(("made", "shape"), [(initializers.Orthogonal(), (3,)), (initializers.Identity(), (3, 3, 3))])
def test_shapes_that_are_no_matrices(made: initializers.Initializer, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"shape must have two axes.*Received"):
        made(shape)
