"""Layers by themselves: names, weights, shapes, configs, values against the operations, and bad arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array, integers, normal
from layer_examples import EXAMPLES, MERGES
from pyconv import layers, ops
from pyconv.naming import snake_case

FUNCTIONS = {"Input", *(name for name in layers.__all__ if name.islower())}
ALIASES = [name for name in layers.__all__ if name not in FUNCTIONS and name != getattr(layers, name).__name__]
each = pytest.mark.parametrize("name", EXAMPLES)


def make(name: str, **arguments: Any) -> tuple[layers.Layer, Array]:
    factory, shape = EXAMPLES[name]
    return factory(**arguments), normal(np.random.default_rng(21), shape)


def test_every_layer_is_here() -> None:
    exported = set(layers.__all__) - {"Layer", *MERGES} - FUNCTIONS - set(ALIASES)
    assert exported - set(EXAMPLES) == set(), "a new layer needs an example above"
    assert set(EXAMPLES) <= exported


@pytest.mark.parametrize("alias", ALIASES)
def test_second_names_are_kerass(alias: str, keras: Any) -> None:
    assert getattr(layers, alias).__name__ == getattr(keras.layers, alias).__name__


@each
def test_the_output_shape_is_what_is_promised(name: str) -> None:
    layer, x = make(name)
    y = layer(x)
    assert y.shape == layer.compute_output_shape(x.shape)
    assert layer.compute_output_shape((None, *x.shape[1:])) == (None, *y.shape[1:])
    assert layer.built
    assert layer.output_shape == (None, *y.shape[1:])


@each
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_inputs_are_converted_to_the_layers_dtype(name: str, dtype: str) -> None:
    for given in (np.float32, np.float64, np.float16, np.int64, np.uint8):
        layer, x = make(name, dtype=dtype)
        y = layer(np.abs(x).astype(given))
        assert y.dtype == dtype
        assert all(weight.dtype == dtype for weight in layer.weights)


@each
def test_a_layer_made_from_a_config_computes_the_same(name: str) -> None:
    layer, x = make(name)
    y = layer(x)
    again = type(layer).from_config(layer.get_config())
    assert again.name == layer.name
    again.build(x.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x), y)
    assert again.get_config().keys() == layer.get_config().keys()


@each
def test_an_empty_batch(name: str) -> None:
    layer, x = make(name)
    y = layer(x)
    assert layer(x[:0]).shape == (0, *y.shape[1:])


@each
def test_a_fresh_layer_on_an_empty_batch(name: str) -> None:
    layer, x = make(name)
    assert layer(x[:0]).shape == (0, *layer.compute_output_shape(x.shape)[1:])


@each
def test_weights_are_counted_and_can_be_set(name: str) -> None:
    layer, x = make(name)
    layer.build(x.shape)
    weights = layer.get_weights()
    assert layer.count_params() == sum(weight.size for weight in weights)
    layer.set_weights([np.full_like(weight, 2.0) for weight in weights])
    assert all((weight == 2.0).all() for weight in layer.get_weights())
    assert layer.weights == layer.trainable_weights + layer.non_trainable_weights
    layer.trainable = False
    assert layer.trainable_weights == []
    assert layer.weights == layer.non_trainable_weights


@each
def test_unknown_arguments_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: .*colour"):
        make(name, colour="red")


@each
@pytest.mark.parametrize("x", [None, "digits", np.zeros((2, 3), complex), [[1.0], [1.0, 2.0]]])
def test_inputs_that_are_not_numbers_are_refused(name: str, x: Any) -> None:
    layer, _ = make(name)
    with pytest.raises((TypeError, ValueError), match=f"^{name}: inputs"):
        layer(x)


@each
def test_the_input_is_left_alone(name: str) -> None:
    layer, x = make(name)
    copy = x.copy()
    layer(x, training=True)
    np.testing.assert_array_equal(x, copy)


@each
def test_names_are_kerass(name: str, keras: Any) -> None:
    assert snake_case(name) == keras.src.utils.naming.to_snake_case(name)


def test_names_are_counted() -> None:
    first, second = layers.Conv2D(1, 1), layers.Conv2D(1, 1)
    number = int(first.name.removeprefix("conv2d").removeprefix("_") or 0)
    assert second.name == f"conv2d_{number + 1}"
    assert layers.Conv2D(1, 1, name="mine").name == "mine"


def test_conv2d_is_the_operation_with_weights(rng: np.random.Generator) -> None:
    x = integers(rng, (2, 7, 6, 4))
    layer = layers.Conv2D(6, (3, 2), (2, 1), ((1, 0), 2), dilation_rate=(1, 2), groups=2, bias_initializer="ones")
    y = layer(x)
    kernel, bias = layer.get_weights()
    assert kernel.shape == (3, 2, 2, 6)
    assert [weight.name for weight in layer.weights] == ["kernel", "bias"]
    np.testing.assert_array_equal(bias, np.ones(6))
    right = ops.conv(x, kernel, (2, 1), ((1, 0), 2), dilation_rate=(1, 2), bias=bias)
    np.testing.assert_array_equal(y, right)
    assert len(layers.Conv2D(6, 3, use_bias=False)(x).shape) == 4


def test_conv2d_channels_first_has_the_same_weights(rng: np.random.Generator) -> None:
    x = integers(rng, (2, 5, 6, 3))
    last, first = layers.Conv2D(4, 3), layers.Conv2D(4, 3, data_format="channels_first")
    y = last(x)
    first.build((None, 3, 5, 6))
    first.set_weights(last.get_weights())
    np.testing.assert_array_equal(first(np.moveaxis(x, -1, 1)), np.moveaxis(y, -1, 1))


def test_flatten_gives_one_order_for_both_data_formats(rng: np.random.Generator) -> None:
    x = normal(rng, (2, 3, 4, 5))
    last = layers.Flatten()(x)
    np.testing.assert_array_equal(last, x.reshape(2, 60))
    np.testing.assert_array_equal(layers.Flatten("channels_first")(np.moveaxis(x, -1, 1)), last)


def test_dense_works_on_the_last_axis(rng: np.random.Generator) -> None:
    x = integers(rng, (2, 3, 4, 5))
    layer = layers.Dense(7)
    y = layer(x)
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(y, x @ kernel + bias, rtol=1e-5, atol=1e-5)  # float32 sums of five terms below 20


def test_dropout() -> None:
    """Of 100,000 numbers, the part that is kept strays from 0.75 by 0.0014 (one standard deviation)."""
    x = np.ones((100, 1000), np.float32)
    layer = layers.Dropout(0.25, seed=1)
    np.testing.assert_array_equal(layer(x), x)
    y = layer(x, training=True)
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    assert np.count_nonzero(y) / y.size == pytest.approx(0.75, abs=0.01)
    assert (layer(x, training=True) != y).any()
    np.testing.assert_array_equal(layers.Dropout(0.25, seed=1)(x, training=True), y)
    np.testing.assert_array_equal(layers.Dropout(1.0)(x, training=True), np.zeros_like(x))
    np.testing.assert_array_equal(layers.Dropout(0.0)(x, training=True), x)
    rows = layers.Dropout(0.5, noise_shape=(None, 1), seed=2)(x, training=True)
    assert ((rows == rows[:, :1]).all(axis=1)).all()
    assert 0 < np.count_nonzero(rows[:, 0]) < 100


@pytest.mark.parametrize("knobs", [{}, {"max_value": 6.0}, {"threshold": 0.5}, {"negative_slope": 0.5}, None])
def test_relu_has_keras_knobs(knobs: dict[str, float] | None, keras: Any) -> None:
    """Also at the threshold itself, where Keras gives 0, and at the largest value."""
    knobs = {"max_value": 6.0, "negative_slope": 0.5, "threshold": 0.5} if knobs is None else knobs
    x = np.array([-2.0, 0.0, 0.2, 0.5, 3.0, 6.0, 9.0])
    theirs = keras.layers.ReLU(**knobs, dtype="float64")(x).numpy()
    np.testing.assert_allclose(layers.ReLU(**knobs, dtype="float64")(x), theirs, rtol=1e-15)


def test_the_global_data_format_is_read_when_the_layer_is_made() -> None:
    pyconv.config.set_image_data_format("channels_first")
    try:
        layer = layers.Conv2D(4, 3)
    finally:
        pyconv.config.set_image_data_format("channels_last")
    assert layer(np.zeros((1, 2, 5, 6))).shape == (1, 4, 3, 4)


def test_a_layer_of_ones_own() -> None:
    class Scale(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")
            self.step = self.add_weight((), "zeros", trainable=False, name="step")

        def call(self, x: Array) -> Array:
            return ops.multiply(x, self.factor.value)

    layer = Scale()
    y = layer(np.full((2, 3), 4.0))
    np.testing.assert_array_equal(y, np.full((2, 3), 4.0))
    assert layer.name.startswith("scale")
    assert [weight.name for weight in layer.trainable_weights] == ["factor"]
    assert [weight.name for weight in layer.non_trainable_weights] == ["step"]
    assert layer.compute_output_shape((None, 3)) == (None, 3)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: layers.Conv2D(0, 3), ValueError, "Conv2D: .*filters.*0"),
        (lambda: layers.Conv2D(-1, 3), ValueError, "Conv2D: .*filters.*-1"),
        (lambda: layers.Conv2D(4.0, 3), TypeError, "Conv2D: .*filters.*4.0"),
        (lambda: layers.Conv2D(True, 3), TypeError, "Conv2D: .*filters.*True"),
        (lambda: layers.Conv2D(4, 0), ValueError, "Conv2D: .*kernel_size.*0"),
        (lambda: layers.Conv2D(4, (3.5, 3)), TypeError, "Conv2D: .*kernel_size.*3.5"),
        (lambda: layers.Conv2D(4, (3, 3, 3)), ValueError, r"Conv2D: .*kernel_size.*\(3, 3, 3\)"),
        (lambda: layers.Conv2D(4, 3, 0), ValueError, "Conv2D: .*strides.*0"),
        (lambda: layers.Conv2D(4, 3, dilation_rate=0), ValueError, "Conv2D: .*dilation_rate.*0"),
        (lambda: layers.Conv2D(4, 3, padding="full"), ValueError, "Conv2D: .*padding.*full"),
        (lambda: layers.Conv2D(4, 3, padding=-1), ValueError, "Conv2D: .*padding.*-1"),
        (lambda: layers.Conv2D(4, 3, data_format="NHWC"), ValueError, "Conv2D: data_format.*NHWC"),
        (lambda: layers.Conv2D(10, 3, groups=3), ValueError, "Conv2D: .*filters must be divisible by groups.*10.*3"),
        (lambda: layers.Conv2D(4, 3, groups=0), ValueError, "Conv2D: .*groups.*0"),
        (lambda: layers.Conv2D(4, 3, activation="rule"), ValueError, "rule"),
        (lambda: layers.Conv2D(4, 3, kernel_initializer="magic"), ValueError, "magic"),
        (lambda: layers.Conv2D(4, 3, kernel_regularizer="l3"), ValueError, "regularizers.get: .*l3"),
        (lambda: layers.Conv2D(4, 3, bias_constraint="x"), ValueError, "constraints.get: .*x"),
        (lambda: layers.Conv2D(4, 3, activity_regularizer=0.1), TypeError, "regularizers.get: .*0.1"),
        (lambda: layers.Conv2D(4, 3, padding="causal"), ValueError, "Conv2D: .*padding.*causal"),
        (lambda: layers.DepthwiseConv1D(3, padding="causal"), ValueError, "DepthwiseConv1D: .*padding.*causal"),
        (lambda: layers.DepthwiseConv2D(3, depth_multiplier=0), ValueError, "DepthwiseConv2D: .*depth_multiplier.*0"),
        (lambda: layers.DepthwiseConv2D(3).build((None, 8, 8, None)), ValueError, "DepthwiseConv2D: .*channels"),
        (
            lambda: layers.Conv2DTranspose(4, 3, 2, output_padding=2),
            ValueError,
            "Conv2DTranspose: .*output_padding.*2.*2",
        ),
        (lambda: layers.Conv2DTranspose(4, 3, output_padding=0.5), TypeError, "Conv2DTranspose: .*output_padding.*0.5"),
        (
            lambda: layers.Conv1DTranspose(4, 3, padding=2)(np.zeros((1, 2, 1))),
            ValueError,
            "Conv1DTranspose: .*empty.*2",
        ),
        (lambda: layers.Conv2D(4, 3, dtype="int8"), ValueError, "Conv2D: dtype.*int8"),
        (lambda: layers.Conv2D(4, 3)(np.zeros((2, 8, 8))), ValueError, r"Conv2D: inputs.*4.*\(2, 8, 8\)"),
        (lambda: layers.Conv2D(4, 3)(np.zeros((2, 2, 8, 1))), ValueError, "Conv2D: .*empty.*2"),
        (lambda: layers.Conv2D(4, 3, groups=2)(np.zeros((2, 8, 8, 3))), ValueError, "Conv2D: .*groups.*3"),
        (lambda: layers.Conv2D(4, 3).build((None, 8, 8, None)), ValueError, "Conv2D: .*channels"),
        (lambda: layers.MaxPooling2D(0), ValueError, "MaxPooling2D: .*pool_size.*0"),
        (lambda: layers.MaxPooling2D(2, 0), ValueError, "MaxPooling2D: .*strides.*0"),
        (lambda: layers.MaxPooling2D(2, padding="causal"), ValueError, "MaxPooling2D: .*padding.*causal"),
        (lambda: layers.MaxPooling2D(4)(np.zeros((1, 3, 8, 1))), ValueError, "MaxPooling2D: .*empty.*4"),
        (lambda: layers.AveragePooling2D((2, 2.0)), TypeError, "AveragePooling2D: .*pool_size.*2.0"),
        (lambda: layers.ZeroPadding2D("same"), TypeError, "ZeroPadding2D: .*padding.*same"),
        (lambda: layers.ZeroPadding2D(((1, 1), (1, -1))), ValueError, "ZeroPadding2D: .*padding.*-1"),
        (lambda: layers.ZeroPadding2D((1, 1, 1)), ValueError, "ZeroPadding2D: .*padding"),
        (lambda: layers.Dense(0), ValueError, "Dense: .*units.*0"),
        (lambda: layers.Dense("10"), TypeError, "Dense: .*units.*10"),
        (lambda: layers.Dense(3)(5.0), ValueError, "Dense: "),
        (lambda: layers.Dense(3).build((None, None)), ValueError, "Dense: "),
        (lambda: layers.Dropout(1.5), ValueError, "Dropout: .*rate.*1.5"),
        (lambda: layers.Dropout("half"), TypeError, "Dropout: .*rate.*half"),
        (lambda: layers.Dropout(float("nan")), ValueError, "Dropout: .*rate.*nan"),
        (lambda: layers.ReLU(max_value=-1), ValueError, "ReLU: .*max_value.*-1"),
        (lambda: layers.ReLU(negative_slope=None), (TypeError, ValueError), "ReLU: negative_slope.*None"),
        (lambda: layers.Activation("rule"), ValueError, "rule"),
        (lambda: layers.Softmax(axis=5)(np.zeros((2, 3))), ValueError, "softmax: .*axis.*5"),
        (layers.Input, ValueError, "Input"),
        (lambda: layers.Input((0, 3)), ValueError, "InputLayer: .*0"),
        (lambda: layers.Input((28.0, 28)), TypeError, "InputLayer: .*28.0"),
        (lambda: layers.Layer()(np.zeros(3)), NotImplementedError, "Layer: "),
        (lambda: layers.Conv2D(4, 3).count_params(), ValueError, "Conv2D: build"),
        (
            lambda: layers.Conv2D(4, 3).set_weights([np.zeros(3)]),
            ValueError,
            "Conv2D.set_weights: .*0 weights.*1 array",
        ),
    ],
)
def test_bad_arguments(call: Callable[[], Any], error: Any, words: str) -> None:
    with pytest.raises(error, match=f"(?s){words}"):
        call()


def test_a_built_layer_refuses_other_channels_and_shapes() -> None:
    layer = layers.Conv2D(4, 3)
    layer(np.zeros((1, 8, 8, 3)))
    layer(np.zeros((2, 5, 9, 3)))
    with pytest.raises(ValueError, match=r"Conv2D: .*3.*\(1, 8, 8, 2\)"):
        layer(np.zeros((1, 8, 8, 2)))
    with pytest.raises(ValueError, match="empty"):
        layer(np.zeros((1, 2, 8, 3)))
    dense = layers.Dense(2)
    dense(np.zeros((1, 3)))
    with pytest.raises(ValueError, match=r"Dense: .*3.*\(1, 4\)"):
        dense(np.zeros((1, 4)))


def test_set_weights_changes_nothing_if_one_does_not_fit() -> None:
    layer = layers.Dense(2)
    layer.build((None, 3))
    before = layer.get_weights()
    with pytest.raises(ValueError, match=r"bias.*\(2,\).*\(3,\)"):
        layer.set_weights([np.ones((3, 2)), np.ones(3)])
    for left, right in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(left, right)


def test_variables() -> None:
    variable = pyconv.Variable([[1, 2]], dtype="float32", name="kernel")
    with pytest.raises(ValueError, match=r"kernel.*\(1, 2\).*\(2,\)"):
        variable.assign([1.0, 2.0])
    values = variable.numpy()
    values[...] = 9
    np.testing.assert_array_equal(np.asarray(variable), [[1, 2]])
    assert np.array(variable, dtype=np.float64).dtype == np.float64
    assert "kernel" in repr(variable)
    np.testing.assert_array_equal(ops.relu(variable), [[1, 2]])


def test_a_list_of_arrays_is_several_inputs() -> None:
    class Weighted(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight((len(input_shape), input_shape[0][-1]), "ones", name="factor")

        def call(self, x: list[Array]) -> Array:
            return ops.add(ops.multiply(x[0], self.factor.value[0]), ops.multiply(x[1], self.factor.value[1]))

    layer = Weighted()
    x = np.ones((2, 3))
    assert layer((x, 2 * x)).dtype == np.float32
    np.testing.assert_array_equal(layer([x, 2 * x]), np.full((2, 3), 3.0))
    assert layer.input_shape == [(None, 3), (None, 3)]
    assert layer.compute_output_shape([(None, 3), (None, 3)]) == (None, 3)
    assert layer.output_shape == (None, 3)
    with pytest.raises(ValueError, match=r"^Conv2D: inputs must be one array. Received: 2 arrays"):
        layers.Conv2D(4, 3)([np.zeros((1, 8, 8, 3))] * 2)
