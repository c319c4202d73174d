"""Layers and models of one's own: what they may do in build and call, and that gradients miss nothing of it."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import normal
from pyconv import Input, Model, layers, ops
from pyconv.gradient import Tape


class Scale(layers.Layer):
    """Python's operators on arrays and weights."""

    def build(self, input_shape: Any) -> None:
        self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")
        self.offset = self.add_weight((), "zeros", name="offset")

    def call(self, x: Any) -> Any:
        return (x * self.factor + self.offset) ** 2 / 2 - 1 + abs(-x)


class Block(layers.Layer):
    """Layers in attributes, lists and dictionaries; a residual sum with `+`."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        dtype = self.dtype
        self.first = layers.Dense(units, activation="tanh", dtype=dtype)
        self.others = [layers.Dense(units, dtype=dtype), {"last": layers.Dense(units, dtype=dtype)}]
        self.drop = layers.Dropout(0.5, seed=1, dtype=dtype)

    def call(self, x: Any) -> Any:
        y = self.others[0](self.first(x))  # type: ignore[operator]
        return x + self.drop(self.others[1]["last"](y))  # type: ignore[index]

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"units": self.units}


class Classifier(Model):
    def __init__(self, classes: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conv = layers.Conv2D(4, 3, activation="relu")
        self.pool = layers.GlobalAveragePooling2D()
        self.head = layers.Dense(classes)

    def call(self, x: Any, training: bool | None = None) -> Any:
        return self.head(self.pool(self.conv(x)))


class TwoInputs(layers.Layer):
    def build(self, a_shape: Any, b_shape: Any) -> None:
        self.a = self.add_weight((a_shape[-1], 2), "ones", name="a")
        self.b = self.add_weight((b_shape[-1], 2), "ones", name="b")

    def call(self, a: Any, b: Any, weight: float = 1.0) -> Any:
        return a @ self.a + weight * (b @ self.b)


def test_operators_in_a_call_have_gradients(rng: np.random.Generator) -> None:
    x = normal(rng, (4, 3)).astype(np.float64)
    layer = Scale(dtype="float64")
    layer.build((None, 3))
    layer.set_weights([np.array([0.5, -1.0, 2.0]), np.array(0.25)])
    with Tape([layer.factor.value, layer.offset.value, x]) as tape:
        y = layer(x)
    assert type(y) is np.ndarray
    factor, offset = layer.get_weights()
    inner = x * factor + offset
    np.testing.assert_allclose(y, inner**2 / 2 - 1 + abs(x), rtol=1e-12)
    gradients = tape.gradient(y)
    for got, right in zip(gradients, [(inner * x).sum(axis=0), inner.sum(), inner * factor + np.sign(x)], strict=True):
        np.testing.assert_allclose(got, right, rtol=1e-12)


def test_a_sum_of_input_and_result_has_the_gradients_of_both(rng: np.random.Generator) -> None:
    """The skip path is plain Python: on plain arrays its gradient would be lost silently."""
    x = normal(rng, (4, 3)).astype(np.float64)
    block = Block(3, dtype="float64")
    block(x)
    with Tape([x]) as tape:
        y = block(x)
    (gradient,) = tape.gradient(y)
    direction = rng.standard_normal(x.shape)
    step = 1e-6
    slope = (block(x + step * direction).sum() - block(x - step * direction).sum()) / (2 * step)
    assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-7)  # the difference quotient's error: step ** 2


def test_weights_of_layers_inside_are_found_in_order() -> None:
    block = Block(3)
    block.build((None, 3))
    assert len(block.weights) == 0  # the layers inside are built by the first call
    block(np.zeros((1, 3)))
    assert [weight.shape for weight in block.weights] == [(3, 3), (3,)] * 3
    assert block.count_params() == 36
    block.others[1]["last"].trainable = False  # type: ignore[index]
    assert len(block.trainable_weights) == 4
    block.trainable = False
    assert block.trainable_weights == []


def test_layers_inside_follow_the_mode_of_the_outer_one() -> None:
    block = Block(100)
    x = np.ones((4, 100), np.float32)
    np.testing.assert_array_equal(block(x), block(x, training=False))
    assert (block(x, training=True) != block(x)).any()


def test_a_call_with_several_arguments(rng: np.random.Generator) -> None:
    a, b = normal(rng, (2, 3)).astype(np.float32), normal(rng, (2, 4)).astype(np.float32)
    layer = TwoInputs()
    y = layer(a, b, weight=0.5)
    assert [weight.shape for weight in layer.weights] == [(3, 2), (4, 2)]
    right = a.sum(axis=1, keepdims=True) + 0.5 * b.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(y, np.repeat(right, 2, axis=1), rtol=1e-5, atol=1e-6)  # float32 sums of seven
    p, q = Input((3,)), Input((4,))
    model = Model([p, q], layer(p, q, weight=0.5))
    np.testing.assert_array_equal(model([a, b]), y)
    np.testing.assert_array_equal(model.layers[-1](a, b, weight=0.5), y)
    with Tape([layer.b.value]) as tape:
        y = model([a, b])
    np.testing.assert_allclose(tape.gradient(y)[0][:, 0], 0.5 * b.sum(axis=0), rtol=1e-5, atol=1e-6)


def test_a_mask_is_left_out_where_it_is_not_taken() -> None:
    class Masked(layers.Layer):
        def call(self, x: Any, mask: Any = None) -> Any:
            return x if mask is None else x * mask

    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(layers.ReLU()(x, mask=np.zeros(2)), x)
    np.testing.assert_array_equal(Masked()(x, mask=np.zeros((2, 1))), 0 * x)


def test_symbolic_shapes_of_layers_of_ones_own() -> None:
    class Pyramid(layers.Layer):
        """Several results, no compute_output_shape."""

        def call(self, x: Any) -> Any:
            return {"half": layers.MaxPooling2D()(x), "all": [x + 1, ops.mean(x, axis=(1, 2))]}

    x = Input((None, 16, 3))
    shapes = Pyramid()(x)
    assert shapes["half"].shape == (None, None, 8, 3)
    assert [tensor.shape for tensor in shapes["all"]] == [(None, None, 16, 3), (None, 3)]
    model = Model(x, shapes)
    result = model(np.zeros((2, 10, 16, 3)))
    assert result["half"].shape == (2, 5, 8, 3)
    assert result["all"][1].shape == (2, 3)
    assert Block(5).compute_output_shape((None, 5)) == (None, 5)


def test_a_model_of_ones_own_learns(rng: np.random.Generator) -> None:
    pyconv.seed(2)
    x = normal(rng, (64, 8, 8, 3))
    y = (x.mean(axis=(1, 2, 3)) > 0).astype(int)
    model = Classifier()
    model.compile(pyconv.optimizers.Adam(0.03), pyconv.losses.SparseCategoricalCrossentropy(True), metrics=["accuracy"])
    history = model.fit(x, y, epochs=15, verbose=0, validation_split=0.25).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert model.predict(x, verbose=0).shape == (64, 2)
    assert len(model.trainable_weights) == 4
    assert [layer.name.rsplit("_", 1)[0] for layer in model.layers][2].startswith("dense")
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert "(None, 6, 6, 4)" in lines[0]


def test_layers_are_found_wherever_they_were_put_and_whenever() -> None:
    """Which attributes may hold layers is remembered, but not what they hold."""

    def dense() -> layers.Dense:
        made = layers.Dense(1)
        made.build((None, 1))
        return made

    holder = layers.Layer()
    assert holder.trainable_weights == []
    holder.empty, holder._hidden, holder.deep = [], {}, ([{}],)  # type: ignore[attr-defined]
    assert holder.trainable_weights == []
    places = [holder.empty.append, lambda each: holder._hidden.update(a=each)]  # type: ignore[attr-defined]
    places += [lambda each: holder.deep[0][0].update(b=each), lambda each: setattr(holder, "one", each)]  # type: ignore[attr-defined]
    for count, put in enumerate(places, 1):
        put(dense())
        assert len(holder.trainable_weights) == 2 * count
    holder.one = None  # type: ignore[attr-defined]
    assert len(holder.trainable_weights) == 6
    holder.one = (dense(), 3)  # type: ignore[attr-defined]
    assert len(pickle.loads(pickle.dumps(holder)).trainable_weights) == 8
    del holder.one, holder.empty  # type: ignore[attr-defined]
    assert len(holder.trainable_weights) == 4


def test_a_model_of_ones_own_can_be_built_and_be_a_layer(rng: np.random.Generator) -> None:
    model = Classifier()
    model.build((None, 8, 8, 3))
    assert model.built
    assert model.count_params() == 3 * 3 * 3 * 4 + 4 + 4 * 2 + 2
    assert model.compute_output_shape((None, 8, 8, 3)) == (None, 2)
    x = Input((8, 8, 3))
    outer = Model(x, layers.Softmax()(model(x)))
    data = normal(rng, (2, 8, 8, 3))
    np.testing.assert_array_equal(outer(data), layers.Softmax()(model(data)))


def test_a_model_of_ones_own_with_a_graph() -> None:
    class Residual(Model):
        def __init__(self, units: int) -> None:
            x = Input((units,))
            super().__init__(x, layers.Dense(units)(x) + x)
            self.units = units

    model = Residual(3)
    assert model(np.ones((2, 3))).shape == (2, 3)
    assert len(model.weights) == 2


def test_losses_and_added_losses_of_ones_own(rng: np.random.Generator) -> None:
    """One SGD step against the gradient worked out by hand."""

    class Penalised(layers.Dense):
        def call(self, x: Any) -> Any:
            self.add_loss(ops.mean(self.kernel * self.kernel) * 0.5)
            return super().call(x)

    def squared(y_true: Any, y_pred: Any) -> Any:
        return ops.mean((y_true - y_pred) ** 2)

    x, y = normal(rng, (8, 3)).astype(np.float32), normal(rng, (8, 1)).astype(np.float32)
    model = pyconv.Sequential([Input((3,)), Penalised(1, use_bias=False)])
    kernel = model.get_weights()[0]
    model.compile(pyconv.optimizers.SGD(0.1), squared)
    model.train_on_batch(x, y)
    gradient = 2 * x.T @ (x @ kernel - y) / 8 + kernel / 3
    np.testing.assert_allclose(model.get_weights()[0], kernel - 0.1 * gradient, rtol=1e-4, atol=1e-6)  # float32 sums


def test_an_activation_of_ones_own_has_gradients(rng: np.random.Generator) -> None:
    x = normal(rng, (4, 3)).astype(np.float64)
    layer = layers.Dense(2, activation=_swish, use_bias=False, dtype="float64")
    layer(x)
    with Tape([x]) as tape:
        y = layer(x)
    z = x @ layer.kernel.numpy()
    sigmoid = 1 / (1 + np.exp(-z))
    np.testing.assert_allclose(y, z * sigmoid, rtol=1e-12)
    right = (sigmoid + z * sigmoid * (1 - sigmoid)) @ layer.kernel.numpy().T
    np.testing.assert_allclose(tape.gradient(y)[0], right, rtol=1e-12)


def _swish(x: Any) -> Any:
    return x * ops.sigmoid(x)


def test_numpy_in_a_recorded_call_is_refused() -> None:
    """It would lose gradients silently."""

    class Careless(layers.Layer):
        def call(self, x: Any) -> Any:
            return np.exp(x)

    class Forced(layers.Layer):
        def call(self, x: Any) -> Any:
            return np.asarray(x) * 2

    x = np.ones((2, 3), np.float32)
    for layer in (Careless(), Forced()):
        assert layer(x).shape == (2, 3)
        with Tape([x]), pytest.raises(TypeError, match=r"ufunc|pyconv\.ops"):
            layer(x)


def test_variables_have_operators_and_assignments() -> None:
    v = pyconv.Variable([1.0, 2.0], dtype="float32", name="v")
    assert type(v + 1) is np.ndarray
    for got, right in [
        (v + 1, [2, 3]),
        (1 - v, [0, -1]),
        (np.array([2.0, 2.0], np.float32) * v, [2, 4]),
        (v / 2, [0.5, 1]),
        (v**2, [1, 4]),
        (-v, [-1, -2]),
        (v[1:], [2]),
        (v @ np.ones((2, 1)), [3]),
    ]:
        np.testing.assert_array_equal(got, right)
    v.assign_add([1.0, 1.0])
    v.assign_sub([0.0, 1.0])
    np.testing.assert_array_equal(v.numpy(), [2.0, 2.0])
    assert (v.path, v.ndim, v.size) == ("v", 1, 2)
    with pytest.raises(ValueError, match=r"v, \(2,\)"):
        v.assign_add([1.0])


def test_weights_know_their_layer() -> None:
    layer = layers.Dense(2, name="head")
    layer.build((None, 3))
    assert [weight.path for weight in layer.weights] == ["head/kernel", "head/bias"]


def test_the_base_model_says_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match="must define call"):
        Model()(np.zeros((1, 2)))
    with pytest.raises(TypeError, match="real numbers"):
        Classifier()("digits")


class Scaled(layers.Layer):
    """Of one's own, with arguments and no get_config."""

    def __init__(self, units: int, activation: str = "relu", *, initializer: Any = "zeros", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = layers.Dense(units, activation, kernel_initializer=initializer)

    def call(self, x: Any) -> Any:
        return self.dense(x)


def test_a_layer_without_get_config_is_written_with_what_it_was_made_with() -> None:
    layer = Scaled(3, initializer=pyconv.initializers.Constant(2.0), name="mine")
    config = layer.get_config()
    assert config["units"] == 3
    assert config["name"] == "mine"
    assert "activation" not in config  # it wasn't given
    model = pyconv.Sequential([pyconv.Input((2,)), layer])
    with pyconv.saving.custom_object_scope({"Scaled": Scaled}):
        again = pyconv.models.model_from_json(model.to_json())
    np.testing.assert_array_equal(again(np.ones((1, 2))), [[4, 4, 4]])
    assert list(inspect.signature(Scaled).parameters)[:2] == ["units", "activation"]
    assert pickle.loads(pickle.dumps(layer)).get_config() == config


class Bare(layers.Layer):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units


class Around(layers.Layer):
    def __init__(self, inner: layers.Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x: Any) -> Any:
        return self.inner(x)


def test_a_layer_may_be_an_argument() -> None:
    config = Around(layers.Dense(3), name="around").get_config()
    again = Around.from_config(config)
    assert isinstance(again.inner, layers.Dense)
    assert again(np.ones((1, 2))).shape == (1, 3)


class OfAnything(layers.Layer):
    def __init__(self, thing: Any) -> None:
        super().__init__()


def test_what_a_constructor_does_not_take_is_not_written() -> None:
    assert Bare.from_config(Bare(3).get_config()).units == 3
    assert Bare(3).get_config() == {"units": 3}
    with pytest.raises(NotImplementedError, match="OfAnything: the layer must override `get_config`"):
        OfAnything(object()).get_config()
