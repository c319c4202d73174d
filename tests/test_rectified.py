"""Rectifiers joined with normalisations before them and poolings behind them: where they are; no bit changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array, normal
from pyconv import Input, Model, Sequential, layers, ops
from pyconv.gradient import Tape
from pyconv.models.rectified import RectifiedNormalization, RectifiedPooling

SHAPE = (6, 6, 16)


def normalised(x: Any, **arguments: Any) -> Any:
    return layers.BatchNormalization(**arguments)(layers.Conv2D(16, 1, use_bias=False)(x))


def functional(body: Callable[[Any], Any]) -> Model:
    x = Input(SHAPE)
    return Model(x, body(x))


def residual_block(x: Any) -> Any:
    y = layers.Activation("relu6")(normalised(x, scale=False))
    y = layers.ReLU()(normalised(y, center=False))
    y = layers.ReLU(6.0)(layers.Add()([x, normalised(y)]))
    return layers.ReLU()(layers.Add()([normalised(y), normalised(y)]))


def chain() -> Sequential:
    return Sequential([layers.Input(SHAPE), layers.BatchNormalization(), layers.ReLU(), layers.Conv2D(4, 3)])


def joined(model: Model, kind: type = RectifiedNormalization) -> int:
    assert model._graph is not None
    return sum(isinstance(step[0], kind) for step in model._graph._steps)


def step(model: Model, x: Array) -> list[Array]:
    """The results of a pass in training, the gradients and the averages after it."""
    weights = model.trainable_weights
    with Tape(weight.value for weight in weights) as tape:
        results = model(x, training=True)
        results = results if isinstance(results, list) else [results]
        loss = ops.sum(ops.concatenate([ops.reshape(ops.square(y), (-1,)) for y in results], 0))
    gradients = tape.gradient(loss)
    return [*results, *gradients, *(weight.numpy() for weight in model.non_trainable_weights)]


@pytest.mark.parametrize("make", [lambda: functional(residual_block), chain])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_bit_changes(make: Callable[[], Model], dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = pyconv.config.floatx()
    pyconv.config.set_floatx(dtype)
    try:
        pyconv.seed(1)
        model = make()
    finally:
        pyconv.config.set_floatx(before)
    assert joined(model) == sum(type(layer).__name__ in ("ReLU", "Activation") for layer in model.layers)
    x = normal(np.random.default_rng(0), (8, *SHAPE), dtype)
    state = [weight.numpy() for weight in model.non_trainable_weights]
    notes = []
    results = []
    for may in (True, False):
        if not may:
            monkeypatch.setattr(layers.BatchNormalization, "joins", lambda *_: False)
        for weight, value in zip(model.non_trainable_weights, state, strict=True):
            weight.assign(value)
        with Tape(weight.value for weight in model.trainable_weights) as tape:
            model(x, training=True)
        notes.append(len(tape._notes))
        results.append(step(model, x))
    assert notes[0] < notes[1]
    for mine, apart in zip(*results, strict=True):
        np.testing.assert_array_equal(mine, apart)


def read_twice(x: Any) -> Any:
    y = normalised(x)
    return layers.Add()([layers.ReLU()(y), y])


def also_a_result(x: Any) -> Any:
    y = normalised(x)
    return [layers.ReLU()(y), y]


def of_three(x: Any) -> Any:
    return layers.ReLU()(layers.Add()([normalised(x), x, x]))


def regularized(x: Any) -> Any:
    return layers.ReLU(activity_regularizer="l2")(normalised(x))


def told(x: Any) -> Any:
    y = layers.BatchNormalization()(layers.Conv2D(16, 1)(x), training=False)
    return layers.ReLU()(y)


@pytest.mark.parametrize("body", [read_twice, also_a_result, of_three, regularized, told])
def test_where_it_may_not_be(body: Callable[[Any], Any]) -> None:
    assert joined(functional(body)) == 0


def leaky(x: Any) -> Any:
    return layers.ReLU(negative_slope=0.5)(normalised(x))


def frozen(x: Any) -> Any:
    return layers.ReLU()(normalised(x, trainable=False))


def other_axis(x: Any) -> Any:
    return layers.ReLU()(normalised(x, axis=1))


def smooth(x: Any) -> Any:
    return layers.Activation("tanh")(normalised(x))


def broadcast(x: Any) -> Any:
    return layers.ReLU()(layers.Add()([normalised(x), layers.GlobalAveragePooling2D(keepdims=True)(x)]))


@pytest.mark.parametrize("body", [leaky, frozen, other_axis, smooth, broadcast])
def test_what_the_layers_do_themselves(body: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is seen only when they run: an attribute may be set between two steps."""
    model = functional(body)
    assert joined(model) == 1
    monkeypatch.setattr(layers.BatchNormalization, "rectified", lambda *_: pytest.fail("must not be joined"))
    step(model, normal(np.random.default_rng(0), (4, *SHAPE), "float32"))


def test_a_model_that_predicts_joins_nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    model = functional(residual_block)
    monkeypatch.setattr(layers.BatchNormalization, "rectified", lambda *_: pytest.fail("must not be joined"))
    x = normal(np.random.default_rng(0), (4, *SHAPE), "float32")
    model(x, training=False)
    model(x)


def pooled_layers(x: Any) -> Any:
    """Windows of one number, windows that overlap, and pads."""
    y = layers.MaxPooling2D(2)(layers.ReLU()(layers.Conv2D(16, 3)(x)))
    y = layers.MaxPooling2D(3, strides=2, padding="same")(layers.ReLU(6.0)(layers.Conv2D(8, 1)(y)))
    return layers.MaxPooling2D(1)(layers.Activation("relu")(layers.Conv2D(4, 1)(y)))


def pooled_convolutions(x: Any) -> Any:
    y = layers.MaxPooling2D(2)(layers.Conv2D(16, 3, activation="relu")(x))
    return layers.MaxPooling2D(2, padding="same")(layers.Conv2D(8, 1, activation="relu6")(y))


@pytest.mark.parametrize(("body", "count"), [(pooled_layers, 3), (pooled_convolutions, 2)])
@pytest.mark.parametrize("whole", [False, True])  # whole numbers: many equal ones, and zeros, in a window
def test_rectifying_after_pooling_changes_no_bit(
    body: Callable[[Any], Any], count: int, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, generator = functional(body), np.random.default_rng(0)
    assert joined(model, RectifiedPooling) == count
    x = normal(generator, (5, *SHAPE), "float32")
    if whole:
        x = np.round(x)
        for weight in model.trainable_weights:
            weight.assign(generator.integers(-1, 2, weight.shape).astype(np.float32))
    step(model, x)  # a convolution's first call with a shape checks it
    pool, negative, measured = layers.MaxPooling2D.call, list[bool](), []

    def noted(self: Any, x: Array) -> Array:
        negative.append(bool(x.min() < 0))
        return pool(self, x)

    monkeypatch.setattr(layers.MaxPooling2D, "call", noted)
    for late in (True, False):
        if not late:
            monkeypatch.setattr("pyconv.models.rectified._activation", lambda _: None)
        measured.append(step(model, x))
    assert negative == [True] * count + [False] * count
    for mine, apart in zip(*measured, strict=True):
        np.testing.assert_array_equal(mine, apart)
    monkeypatch.undo()
    monkeypatch.setattr(layers.MaxPooling2D, "call", noted)
    with Tape(None):
        model(x, training=False)
    assert negative == [True] * count + [False] * count * 2


def read_by_two(x: Any) -> Any:
    y = layers.ReLU()(x)
    return [layers.MaxPooling2D(2)(y), layers.MaxPooling2D(3)(y)]


def averaged(x: Any) -> Any:
    return layers.AveragePooling2D(2)(layers.ReLU()(x))


def already_joined(x: Any) -> Any:
    return layers.MaxPooling2D(2)(layers.ReLU()(normalised(x)))


def penalised(x: Any) -> Any:
    return layers.MaxPooling2D(2)(layers.Conv2D(4, 1, activation="relu", activity_regularizer="l2")(x))


@pytest.mark.parametrize("body", [read_by_two, averaged, already_joined, penalised])
def test_where_a_rectifier_must_come_first(body: Callable[[Any], Any]) -> None:
    assert joined(functional(body), RectifiedPooling) == 0
