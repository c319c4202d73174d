"""Optimizers: three steps against Keras' own, their formulas, and bad arguments."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from pyconv import Variable, optimizers

CASES: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"learning_rate": 0.1}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.7, "epsilon": 0.01}),
    ("RMSprop", {}),
    ("RMSprop", {"learning_rate": 0.1, "rho": 0.5, "momentum": 0.9, "epsilon": 0.01}),
    ("RMSprop", {"learning_rate": 0.1, "centered": True}),
]
by_case = pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)


@by_case
def test_steps_are_kerass(name: str, arguments: dict[str, Any], keras: ModuleType) -> None:
    """float32 beside float32: a few roundings of numbers near 1 a step."""
    generator = np.random.default_rng(4)
    start = generator.standard_normal((4, 3)).astype(np.float32)
    gradients = [generator.standard_normal((4, 3)).astype(np.float32) for _ in range(4)]
    gradients[2][0] = 0.0
    ours, theirs = Variable(start), keras.Variable(start)
    optimizer = getattr(optimizers, name)(**arguments)
    peer = getattr(keras.optimizers, name)(**arguments)
    for gradient in gradients:
        optimizer.apply([gradient], [ours])
        peer.apply([keras.ops.convert_to_tensor(gradient)], [theirs])
        np.testing.assert_allclose(ours.numpy(), theirs.value.detach().numpy(), rtol=2e-6, atol=2e-6)
    assert optimizer.iterations == 4


def test_adam_by_its_formula() -> None:
    """float64 by hand: epsilon is added to the root, outside of its correction."""
    w, m, v = 1.0, 0.0, 0.0
    variable, optimizer = Variable(np.array([w])), optimizers.Adam(0.1, 0.9, 0.99, 0.1)
    for t, g in enumerate([0.5, -2.0, 0.0], start=1):
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        w -= 0.1 * (1 - 0.99**t) ** 0.5 / (1 - 0.9**t) * m / (v**0.5 + 0.1)
        optimizer.apply([np.array([g])], [variable])
        assert variable.numpy()[0] == pytest.approx(w, rel=1e-14)


@by_case
def test_dtype_and_identity_are_kept(name: str, arguments: dict[str, Any]) -> None:
    variable = Variable(np.ones((2, 2), np.float32))
    array = variable.value
    getattr(optimizers, name)(**arguments).apply([np.ones((2, 2))], [variable])
    assert variable.value is array  # a tape watches this array
    assert array.dtype == np.float32
    assert (array < 1).all()


def test_each_variable_has_its_own_memory() -> None:
    optimizer = optimizers.SGD(1.0, momentum=0.5)
    one, other = Variable([0.0]), Variable([0.0])
    optimizer.apply([np.array([1.0])], [one])
    optimizer.apply([np.array([0.0]), np.array([1.0])], [one, other])
    assert (one.numpy()[0], other.numpy()[0]) == (-1.5, -1.0)


def test_the_learning_rate_may_be_changed() -> None:
    optimizer, variable = optimizers.SGD(1.0), Variable([0.0])
    optimizer.learning_rate = 0.25
    optimizer.apply([np.array([1.0])], [variable])
    assert variable.numpy()[0] == -0.25


@by_case
def test_configs(name: str, arguments: dict[str, Any]) -> None:
    optimizer = getattr(optimizers, name)(**arguments)
    config = optimizer.get_config()
    assert arguments.items() <= config.items()
    assert type(optimizer).from_config(config).get_config() == config


@pytest.mark.parametrize("name", ["sgd", "SGD", "Adam", "rmsprop"])
def test_get(name: str) -> None:
    optimizer = optimizers.get(name)
    assert type(optimizer).__name__.lower() == name.lower()
    assert optimizers.get(optimizer) is optimizer


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: optimizers.SGD(-0.1), ValueError, "SGD: .*learning_rate.*-0.1"),
        (lambda: optimizers.SGD("fast"), TypeError, "SGD: .*learning_rate.*fast"),
        (lambda: optimizers.SGD(float("nan")), ValueError, "SGD: .*learning_rate.*nan"),
        (lambda: optimizers.SGD(momentum=1.5), ValueError, "SGD: .*momentum.*1.5"),
        (lambda: optimizers.Adam(beta_1=1.0), ValueError, "Adam: .*beta_1.*1"),
        (lambda: optimizers.Adam(beta_2=-1), ValueError, "Adam: .*beta_2.*-1"),
        (lambda: optimizers.RMSprop(rho=2), ValueError, "RMSprop: .*rho.*2"),
        (lambda: optimizers.SGD(clipnorm=1.0), TypeError, "clipnorm"),
        (lambda: optimizers.SGD().apply([], [Variable([1.0])]), ValueError, "SGD: .*0.*1"),
        (lambda: optimizers.SGD().apply([np.ones(2)], [Variable([1.0])]), ValueError, r"SGD: .*\(2,\).*\(1,\)"),
        (lambda: optimizers.get("sdg"), ValueError, "sdg"),
        (lambda: optimizers.get(None), TypeError, "None"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
