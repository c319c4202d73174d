"""Sequential: how a model is put together, named, shown, and carries weights. Training is in test_training.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array, normal
from pyconv import Sequential, layers


def digits(**first: Any) -> Sequential:
    """The tutorial's network for 28x28 digits."""
    return Sequential(
        [
            layers.Conv2D(32, (3, 3), activation="relu", **first),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def run_by_hand(model: Sequential, x: Array) -> Array:
    for layer in model.layers:
        x = layer(x)
    return x


def test_the_tutorials_network() -> None:
    model = digits(input_shape=(28, 28, 1))
    assert model.built
    assert model.output_shape == (None, 10)
    # (3*3*1+1)*32 + (3*3*32+1)*64 + (3*3*64+1)*64 + (3*3*64+1)*64 + (64+1)*10
    assert model.count_params() == 320 + 18496 + 36928 + 36928 + 650
    assert [weight.shape for weight in model.weights][:4] == [(3, 3, 1, 32), (32,), (3, 3, 32, 64), (64,)]
    y = model.predict(np.zeros((3, 28, 28, 1)), verbose=0)
    np.testing.assert_allclose(y.sum(axis=1), np.ones(3), rtol=1e-6)  # ten float32 numbers


@pytest.mark.parametrize("how", ["input_shape", "input", "build", "data", "add"])
def test_every_way_to_give_the_input_shape(how: str, rng: np.random.Generator) -> None:
    x = normal(rng, (2, 28, 28, 1))
    if how == "input_shape":
        model = digits(input_shape=(28, 28, 1))
    elif how == "input":
        model = Sequential([layers.Input(shape=(28, 28, 1)), *digits().layers])
    elif how == "add":
        model = Sequential()
        model.add(layers.Input((28, 28, 1)))
        for layer in digits().layers:
            model.add(layer)
    else:
        model = digits()
        assert not model.built
        if how == "build":
            model.build((None, 28, 28, 1))
    y = model(x)
    assert model.built
    assert len(model.layers) == 8  # the InputLayer doesn't show
    assert model.count_params() == 93322
    # Equal but for rounding: the model's convolutions take samples one by one, by an algorithm that suits one.
    np.testing.assert_allclose(y, run_by_hand(model, x), rtol=1e-5)


def test_input_dim() -> None:
    model = Sequential([layers.Dense(3, input_dim=4)])
    assert model.get_weights()[0].shape == (4, 3)


def test_add_and_pop() -> None:
    model = Sequential([layers.Dense(3, input_shape=(4,)), layers.Dense(2)])
    assert model.output_shape == (None, 2)
    last = model.pop()
    assert isinstance(last, layers.Dense)
    assert model.output_shape == (None, 3)
    model.add(layers.Dense(5))
    assert model(np.zeros((2, 4))).shape == (2, 5)
    with pytest.raises(ValueError, match="pop"):
        Sequential().pop()


def test_layers_are_found_by_name_and_index() -> None:
    model = Sequential([layers.Dense(3, name="first"), layers.Dense(2, name="second")])
    assert model.get_layer("second") is model.layers[1]
    assert model.get_layer(index=0) is model.layers[0]
    assert model.get_layer(index=-1) is model.layers[1]
    with pytest.raises(ValueError, match=r"third.*first.*second"):
        model.get_layer("third")
    with pytest.raises(ValueError, match=r"index.*2"):
        model.get_layer(index=2)
    with pytest.raises(ValueError, match=r"name.*index"):
        model.get_layer()


def test_weights_move_from_model_to_model(rng: np.random.Generator) -> None:
    x = normal(rng, (2, 28, 28, 1))
    one, other = digits(input_shape=(28, 28, 1)), digits(input_shape=(28, 28, 1))
    assert (one(x) != other(x)).any()
    other.set_weights(one.get_weights())
    np.testing.assert_array_equal(one(x), other(x))
    with pytest.raises(ValueError, match=r"10 weights.*9 arrays"):
        other.set_weights(one.get_weights()[:-1])
    assert all(isinstance(weight, np.ndarray) for weight in one.get_weights())


def test_weights_handed_out_are_copies() -> None:
    model = Sequential([layers.Dense(3, input_shape=(4,))])
    model.get_weights()[0][...] = 7
    assert (model.get_weights()[0] != 7).all()


def test_a_seed_gives_the_same_weights() -> None:
    pyconv.seed(5)
    one = digits(input_shape=(28, 28, 1)).get_weights()
    pyconv.seed(5)
    other = digits(input_shape=(28, 28, 1)).get_weights()
    for left, right in zip(one, other, strict=True):
        np.testing.assert_array_equal(left, right)


def test_a_model_may_be_a_layer_of_another(rng: np.random.Generator) -> None:
    x = normal(rng, (2, 6, 6, 1))
    inner = Sequential([layers.Conv2D(3, 3), layers.ReLU()])
    model = Sequential([inner, layers.Flatten(), layers.Dense(2)])
    y = model(x)
    assert y.shape == (2, 2)
    assert len(model.weights) == 4
    inner.trainable = False
    assert [weight.shape for weight in model.trainable_weights] == [(48, 2), (2,)]


def test_frozen_layers_are_not_trainable() -> None:
    model = digits(input_shape=(28, 28, 1))
    model.layers[0].trainable = False
    assert len(model.trainable_weights) == 8
    assert len(model.non_trainable_weights) == 2
    model.trainable = False
    assert model.trainable_weights == []


def test_training_reaches_dropout(rng: np.random.Generator) -> None:
    x = np.ones((4, 100), np.float32)
    model = Sequential([layers.Dropout(0.5, seed=1)])
    np.testing.assert_array_equal(model(x), x)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
    assert (model(x, training=True) == 0).any()


def summary_of(model: Sequential, **arguments: Any) -> str:
    lines: list[str] = []
    model.summary(print_fn=lines.append, **arguments)
    return "\n".join(lines)


def test_summary_is_kerass(keras: Any) -> None:
    """The same table: rows, shapes, numbers and sizes; only runs of blanks and lines may differ."""
    ours = digits(input_shape=(28, 28, 1))
    for number, layer in enumerate(ours.layers):
        layer.name = f"layer{number}"  # short, so that neither table breaks a line
    theirs = keras.Sequential(
        [
            keras.layers.Input((28, 28, 1)),
            *[getattr(keras.layers, type(layer).__name__).from_config(_keras_config(layer)) for layer in ours.layers],
        ],
        name=ours.name,
    )
    text: list[str] = []
    theirs.summary(print_fn=lambda line, **_: text.append(line))
    assert _words(summary_of(ours)) == _words("\n".join(text))


def _keras_config(layer: layers.Layer) -> dict[str, Any]:
    config = layer.get_config()
    return {key: value for key, value in config.items() if "initializer" not in key}


def _words(table: str) -> list[str]:
    borders = str.maketrans("┏━┳┓┃┡╇┩│├─┼┤└┴┘", " " * 16)
    return table.translate(borders).split()


def test_summary_has_the_width_that_is_asked_for() -> None:
    for width in (60, 80, 120):
        lines = summary_of(digits(input_shape=(28, 28, 1)), line_length=width).splitlines()
        assert max(map(len, lines)) == width
    assert "unbuilt" in summary_of(digits())


def test_summary_prints(capsys: pytest.CaptureFixture[str]) -> None:
    digits(input_shape=(28, 28, 1)).summary()
    assert "93,322" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Sequential([3]), TypeError, "Sequential.*3"),
        (lambda: Sequential().add("dense"), TypeError, "Sequential.*dense"),
        (lambda: Sequential([layers.Dense(1, name="a"), layers.Dense(1, name="a")]), ValueError, "name.*a"),
        (lambda: digits(input_shape=(8, 8, 1)), ValueError, "MaxPooling2D.*empty"),
        (lambda: digits(input_shape=(28, 28)), ValueError, "Conv2D: .*28, 28"),
        (lambda: digits(input_shape=(28, 28, 1))(np.zeros((1, 28, 28, 3))), ValueError, "28, 28, 3"),
        (lambda: digits().count_params(), ValueError, "build"),
        (lambda: digits().predict(np.float32(3)), ValueError, "predict: x"),
        (lambda: digits().predict(None), TypeError, "predict: x"),
        (lambda: Sequential(colour="red"), TypeError, "colour"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], error: Any, words: str) -> None:
    with pytest.raises(error, match=f"(?s){words}"):
        call()
