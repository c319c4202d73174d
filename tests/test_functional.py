"""Functional models: what symbolic tensors become, how graphs run and are trained, and what is refused."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array, normal
from pyconv import Input, KerasTensor, Model, Sequential, layers, ops
from pyconv.gradient import Tape

IMAGES = (8, 8, 3)


class Sum(layers.Layer):
    """Adds a list of arrays."""

    def call(self, x: list[Array]) -> Array:
        total = x[0]
        for array in x[1:]:
            total = ops.add(total, array)
        return total

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape[0]


def residual(name: str | None = None) -> Model:
    x = Input(IMAGES)
    y = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    y = Sum()([layers.Conv2D(3, 1)(y), x])
    return Model(x, layers.Dense(2)(layers.GlobalAveragePooling2D()(y)), name=name)


def test_an_input_is_symbolic() -> None:
    x = Input((28, 28, 1), name="pixels")
    assert isinstance(x, KerasTensor)
    assert (x.shape, x.dtype, x.name, x.ndim) == ((None, 28, 28, 1), "float32", "pixels", 4)
    assert Input((5,), batch_size=3).shape == (3, 5)
    assert Input(batch_shape=(2, None, 4), dtype="float64").shape == (2, None, 4)


def test_layers_on_symbols_give_symbols_and_are_built() -> None:
    layer = layers.Conv2D(4, 3, strides=2)
    y = layer(Input((None, 9, 3)))
    assert isinstance(y, KerasTensor)
    assert y.shape == (None, None, 4, 4)
    assert layer.kernel.shape == (3, 3, 3, 4)
    assert layer.output is y
    assert layer.input.shape == (None, None, 9, 3)


def test_a_graph_computes_what_its_layers_do(rng: np.random.Generator) -> None:
    x = normal(rng, (2, *IMAGES))
    model = residual()
    first, second, dense = (layer for layer in model.layers if layer.weights)
    by_hand = ops.add(second(first(x)), x.astype(np.float32))
    np.testing.assert_array_equal(model(x), dense(layers.GlobalAveragePooling2D()(by_hand)))
    np.testing.assert_array_equal(model.predict(x, verbose=0), model(x))
    assert model.output_shape == (None, 2)
    assert model.compute_output_shape((5, *IMAGES)) == (5, 2)


def test_operations_on_symbols_are_steps(rng: np.random.Generator) -> None:
    x = normal(rng, (2, 4, 3)).astype(np.float32)
    a = Input((4, 3))
    results = [a + 1, 2 * a, a * a, ops.relu(a), ops.mean(a, axis=1), a[:, 0], a[:, 1:, ::2], a @ np.ones((3, 2))]
    right = [x + 1, 2 * x, x * x, np.maximum(x, 0), x.mean(axis=1), x[:, 0], x[:, 1:, ::2], x @ np.ones((3, 2))]
    for tensor, array, got in zip(results, right, Model(a, results)(x), strict=True):
        assert tensor.shape == (None, *array.shape[1:])
        np.testing.assert_allclose(got, array, rtol=1e-6, atol=1e-6)  # float32 sums of at most four terms
        assert got.dtype == tensor.dtype


def test_a_list_of_symbols_may_go_into_a_layer_and_an_operation() -> None:
    a, b = Input((3,)), Input((3,))
    model = Model([a, b], Sum()([a, b]))
    np.testing.assert_array_equal(model([np.ones((2, 3)), np.full((2, 3), 2.0)]), np.full((2, 3), 3.0))


@pytest.mark.parametrize("form", ["list", "tuple", "dict", "nested"])
def test_structures_of_inputs_and_outputs(form: str) -> None:
    a, b = Input((2,), name="a"), Input((2,), name="b")
    total, product = a + b, a * b
    one, two = np.ones((3, 2), np.float32), np.full((3, 2), 2, np.float32)
    forms: dict[str, Callable[[Any, Any], Any]] = {
        "list": lambda p, q: [p, q],
        "tuple": lambda p, q: (p, q),
        "dict": lambda p, q: {"z": p, "k": q},
        "nested": lambda p, q: {"z": [p], "k": {"deep": q}},
    }
    pack = forms[form]
    model = Model(pack(a, b), pack(total, product))
    for y in (model(pack(one, two)), model.predict(pack(one, two), batch_size=2, verbose=0)):
        assert type(y) is type(pack(one, two))
        left, right = [y["z"], y["k"]] if form in ("dict", "nested") else y
        np.testing.assert_array_equal(left[0] if form == "nested" else left, one + two)
        np.testing.assert_array_equal(right["deep"] if form == "nested" else right, one * two)
    if form == "list":
        np.testing.assert_array_equal(model({"b": two, "a": one})[0], one + two)  # by the inputs' names


def test_a_shared_layer_has_its_weights_once(rng: np.random.Generator) -> None:
    a, b = Input((3,)), Input((3,))
    shared = layers.Dense(2)
    model = Model([a, b], shared(a) + shared(b))
    x, y = normal(rng, (4, 3)), normal(rng, (4, 3))
    assert len(model.weights) == 2
    np.testing.assert_allclose(model([x, y]), shared(x) + shared(y), rtol=1e-6)  # one float32 sum of two
    with Tape([shared.kernel.value]) as tape:
        z = model([x, y])
    (gradient,) = tape.gradient(z)
    right = (x + y).sum(axis=0)[:, np.newaxis].repeat(2, axis=1)
    np.testing.assert_allclose(gradient, right, rtol=1e-5, atol=1e-6)  # float32 sums of eight terms


def test_nested_models(rng: np.random.Generator) -> None:
    x = normal(rng, (2, 8, 8, 3))
    encoder = Sequential([layers.Conv2D(4, 3), layers.ReLU()], name="encoder")
    head = residual("head")
    pixels = Input(IMAGES)
    model = Model(pixels, [encoder(pixels), head(pixels * 0.5)])
    maps, scores = model(x)
    np.testing.assert_array_equal(maps, encoder(x))
    np.testing.assert_array_equal(scores, head(x * 0.5))
    assert len(model.weights) == len(encoder.weights) + len(head.weights)
    larger = Model(wide := Input((12, 12, 3)), encoder(wide))  # a model on other sizes than those it was built for
    assert larger.output_shape == (None, 10, 10, 4)


def test_features_of_a_sequential() -> None:
    model = Sequential([Input(IMAGES), layers.Conv2D(4, 3), layers.MaxPooling2D(), layers.Flatten()])
    model.add(layers.Dense(2))
    features = Model(model.inputs, model.layers[1].output)
    x = np.ones((2, *IMAGES))
    np.testing.assert_array_equal(features(x), model.layers[1](model.layers[0](x)))
    assert model.output.shape == (None, 2)
    assert Model(model.input, [layer.output for layer in model.layers])(x)[3].shape == (2, 2)
    model.pop()
    assert model.outputs[0].shape == (None, 36)
    with pytest.raises(AttributeError, match="no defined outputs"):
        _ = Sequential([layers.Dense(2)]).outputs


def test_a_model_from_within_another() -> None:
    """The input may be any tensor: what comes before it isn't part of the model."""
    x = Input((4,))
    hidden = layers.Dense(3)(x)
    y = layers.Dense(2)(hidden)
    decoder = Model(hidden, y)
    assert [weight.shape for weight in decoder.weights] == [(3, 2), (2,)]
    np.testing.assert_array_equal(decoder(Model(x, hidden)(np.ones((5, 4)))), Model(x, y)(np.ones((5, 4))))


def test_training_reaches_layers_and_modes_can_be_fixed() -> None:
    x = Input((100,))
    dropped, kept = layers.Dropout(0.5, seed=1), layers.Dropout(0.5, seed=1)
    model = Model(x, [dropped(x), kept(x, training=False), kept(x, training=True)])
    ones = np.ones((2, 100), np.float32)
    assert [(y == 0).any() for y in model(ones)] == [False, False, True]
    assert [(y == 0).any() for y in model(ones, training=True)] == [True, False, True]


def test_gradients_go_through_branches(rng: np.random.Generator) -> None:
    """Against differences in float64."""
    x = Input((6, 6, 2), dtype="float64")
    y = layers.Conv2D(3, 3, padding="same", activation="tanh", dtype="float64")(x)
    z = layers.Conv2D(3, 1, dtype="float64")(y) * y + 1.5
    model = Model(x, ops.mean(z, axis=(1, 2)))
    data = rng.standard_normal((2, 6, 6, 2))
    kernel = model.weights[0]
    with Tape([kernel.value]) as tape:
        out = model(data)
    (gradient,) = tape.gradient(out)
    step = 1e-6
    for index in [(0, 0, 0, 0), (1, 2, 1, 2)]:
        sums = []
        for sign in (1, -1):
            with kernel.writing() as array:
                array[index] += sign * step
            sums.append(model(data).sum())
            with kernel.writing() as array:
                array[index] -= sign * step
        # The difference quotient's own error: rounding 1e-16 / 1e-6 and a square of the step.
        assert gradient[index] == pytest.approx((sums[0] - sums[1]) / (2 * step), rel=1e-6, abs=1e-8)


def test_intermediate_results_are_freed_after_their_last_use() -> None:
    alive: list[int] = []
    watched: list[weakref.ref[Array]] = []

    class Watch(layers.Layer):
        def call(self, x: Array) -> Array:
            alive.append(sum(ref() is not None for ref in watched))
            y = ops.add(x, 1)
            watched.append(weakref.ref(y))
            return y

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

    x = y = Input((3,))
    for _ in range(6):
        y = Watch()(y)
    model = Model(x, y)
    gc.disable()
    try:
        model(np.zeros((1, 3), np.float32))
    finally:
        gc.enable()
    assert max(alive) == 1  # the layer's own input


def test_weights_are_listed_in_the_order_of_keras(keras: Any) -> None:
    """The order of layers: farthest from the outputs first, then as met from the outputs."""

    def build(library: Any) -> Any:
        a, b = library.Input((8, 8, 3), name="a"), library.Input((8, 8, 3), name="b")
        conv = library.layers.Conv2D(3, 3, padding="same", name="shared")
        left = library.layers.Conv2D(3, 1, name="left")(conv(a))
        right = library.layers.Conv2D(3, 1, name="right")(library.layers.Conv2D(3, 3, padding="same", name="deep")(b))
        right = conv(right)
        late = library.layers.Conv2D(5, 1, name="late")(left * right + 2.0)
        flat = library.layers.Flatten(name="flat")(left)
        dense = library.layers.Dense(2, name="dense")(flat)
        return library.Model([a, b], [dense, late, right], name="m")

    ours, theirs = build(pyconv), build(keras)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert [weight.shape for weight in ours.weights] == [tuple(weight.shape) for weight in theirs.weights]
    ours.set_weights(theirs.get_weights())
    x = [np.random.default_rng(i).standard_normal((2, 8, 8, 3), np.float32) for i in range(2)]
    for got, right in zip(ours(x), theirs(x), strict=True):
        # float32 sums of up to 27 products and 192 in Dense
        np.testing.assert_allclose(got, keras.ops.convert_to_numpy(right), rtol=1e-4, atol=1e-5)


def test_a_trailing_axis_of_one_may_be_left_out() -> None:
    """As in Keras: (N, 28, 28) for an input of (28, 28, 1)."""
    x = Input((4, 4, 1))
    model = Model(x, layers.Conv2D(2, 3)(x))
    images = np.random.default_rng(1).random((3, 4, 4))
    np.testing.assert_array_equal(model(images), model(images[..., np.newaxis]))


def test_fit_evaluate_and_predict(rng: np.random.Generator) -> None:
    pyconv.seed(1)
    x = normal(rng, (64, *IMAGES))
    labels = (x.mean(axis=(1, 2, 3)) > 0).astype(int)
    model = residual()
    model.compile(pyconv.optimizers.Adam(0.02), pyconv.losses.SparseCategoricalCrossentropy(True), metrics=["accuracy"])
    history = model.fit(x, labels, epochs=15, batch_size=16, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    loss, accuracy = model.evaluate(x, labels, verbose=0)  # type: ignore[misc]
    assert accuracy > 0.8
    assert np.isfinite(loss)


def test_fit_with_several_inputs(rng: np.random.Generator) -> None:
    a, b = Input((3,), name="a"), Input((2,), name="b")
    model = Model({"a": a, "b": b}, layers.Dense(1)(Sum()([layers.Dense(4)(a), layers.Dense(4)(b)])))
    x = {"a": normal(rng, (32, 3)), "b": normal(rng, (32, 2))}
    y = x["a"].sum(axis=1, keepdims=True) - x["b"].sum(axis=1, keepdims=True)
    model.compile(pyconv.optimizers.Adam(0.05), "mse")
    history = model.fit(x, y, epochs=30, verbose=0, validation_split=0.25)
    assert history.history["loss"][-1] < 0.2 * history.history["loss"][0]
    assert "val_loss" in history.history
    assert model.predict(x, batch_size=10, verbose=0).shape == (32, 1)
    with pytest.raises(ValueError, match=r"equally many samples"):
        model.fit(x | {"b": x["b"][:-1]}, y, verbose=0)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_copies_and_pickles(again: Callable[[Any], Any], rng: np.random.Generator) -> None:
    x = normal(rng, (2, *IMAGES))
    model = residual()
    other = again(model)
    np.testing.assert_array_equal(other(x), model(x))
    assert other.layers[1].output.shape == (None, 8, 8, 4)
    assert Model(other.inputs, other.layers[1].output)(x).shape == (2, 8, 8, 4)
    other.set_weights([weight * 2 for weight in other.get_weights()])
    assert (other(x) != model(x)).any()


def test_a_deep_model_can_be_made_run_and_pickled() -> None:
    """More layers than Python has frames."""
    x = y = Input((2,))
    for _ in range(1500):
        y = layers.ReLU()(y)
    model = pickle.loads(pickle.dumps(Model(x, y)))
    np.testing.assert_array_equal(model([[1.0, -1.0]]), [[1.0, 0.0]])


def _two_inputs() -> Model:
    a, b = Input((3,), name="a"), Input((3,), name="b")
    return Model([a, b], a + b)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Model(Input((3,), name="a"), layers.Dense(1)(Input((3,)))), ValueError, "Graph disconnected.*tensor"),
        (lambda: Model(x := Input((3,)), [x + 1, Input((2,), name="lost")]), ValueError, "disconnected.*lost"),
        (lambda: Model(np.zeros(3), Input((3,))), TypeError, "inputs must be KerasTensors"),
        (lambda: Model(Input((3,)), 5), TypeError, "outputs must be KerasTensors.*5"),
        (lambda: Model([x := Input((3,)), x], x), ValueError, "twice"),
        (lambda: Model(inputs=Input((3,))), TypeError, "outputs"),
        (
            lambda: Model(x := Input((3,)), layers.Dense(3, name="d")(layers.Dense(3, name="d")(x))),
            ValueError,
            'name "d" is used 2 times.*unique',
        ),
        (lambda: _two_inputs()(np.zeros((2, 3))), ValueError, r"expects 2 input\(s\).*1 input"),
        (lambda: _two_inputs()({"a": np.zeros((2, 3))}), ValueError, r"Missing: \['b'\]"),
        (lambda: residual()(np.zeros((2, 7, 8, 3))), ValueError, r"InputLayer.*8, 8, 3.*7, 8, 3"),
        (lambda: layers.Conv2D(4, 3)(Input((8, 8))), ValueError, r"Conv2D: .*expected ndim=4.*8, 8"),
        (lambda: layers.Dense(2)(Input((None,))), ValueError, "Dense: .*known size"),
        (lambda: np.asarray(Input((3,))), TypeError, "KerasTensor is symbolic"),
        (lambda: bool(Input((3,))), TypeError, "boolean"),
        (lambda: list(Input((3,))), TypeError, "Iterating"),
        (lambda: Input((3,)) + Input((4,)), ValueError, "add: x1 and x2.*broadcast"),
        (lambda: Input((3,), sparse=True), ValueError, "sparse"),
        (lambda: layers.Dense(3).output, AttributeError, "never been called"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], error: Any, words: str) -> None:
    with pytest.raises(error, match=f"(?s){words}"):
        call()


def test_a_model_of_operations_can_be_pickled() -> None:
    x = pyconv.Input((4,))
    model = pyconv.Model(x, ops.relu(layers.Dense(3)(x) + 1.0))
    data = np.random.default_rng(3).standard_normal((2, 4), np.float32)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model))(data), model(data))
