"""What the tests of programs share: a model's results by its program and layer by layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyconv import config, tree
from pyconv.models import Model
from pyconv.program.building import Compiled

Array = NDArray[Any]


def by_layers(model: Any, x: Any) -> list[Array]:
    """The flat results in inference, each layer's computed by itself."""
    before = config.get_programs()
    config.set_programs(False)
    try:
        return tree.flatten(model(x, training=False))
    finally:
        config.set_programs(before)


def compiled(model: Model, x: Any) -> Compiled:
    """The program that ran for these inputs; there must be one."""
    assert model._programs is not None
    found = model._programs.entry(tuple(np.shape(part)[1:] for part in tree.flatten(x))).compiled
    assert found is not None
    return found


def assert_near(got: Array, expected: Array) -> None:
    """Equal but for the rounding of products and sums that were joined: a relative 1e-5 of the largest result."""
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    assert np.abs(got - expected).max(initial=0) <= 1e-5 * max(np.abs(expected).max(initial=0), 1e-30)


def assert_program_equals_layers(model: Model, x: Any) -> Compiled:
    """Compares the two twice, for the first call makes the program; returns it."""
    expected = by_layers(model, x)
    for _ in range(2):
        for got, right in zip(tree.flatten(model(x, training=False)), expected, strict=True):
            assert_near(got, right)
    return compiled(model, x)


def lively(model: Model, seed: int = 1) -> None:
    """Gives normalizations numbers of their own: the initial ones would hide what is folded wrongly."""
    generator = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(generator.uniform(0.5, 1.5, weight.shape))
        elif weight.name in ("beta", "moving_mean", "bias"):
            weight.assign(generator.uniform(-0.5, 0.5, weight.shape))
