"""Configurations: pyconv's and Keras' are read by either; copies, JSON, classes of one's own, summaries, names."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import normal
from pyconv import Input, Model, Sequential, layers, models, saving

SHAPE = (16, 16, 3)


def branches(library: Any) -> Any:
    """Shared and nested layers, operators, operations, two inputs and outputs; the same words make it in Keras."""
    layers, ops = library.layers, library.ops
    a, b = library.Input(SHAPE, name="a"), library.Input(SHAPE, name="b")
    shared = layers.Conv2D(4, 3, padding="same", activation="relu", name="shared")
    y = shared(a) * 0.5 + shared(b)
    y = layers.MaxPooling2D(name="pool")(y) - 1.0
    inner = library.Sequential(
        [library.Input((8, 8, 4), name="i"), layers.Conv2D(6, 1, use_bias=False, name="c"), layers.ReLU(6.0, name="r")],
        name="inner",
    )
    z = inner(y)
    x = library.Input((8, 8, 6), name="x")
    nested = library.Model(x, layers.DepthwiseConv2D(3, padding="same", name="d")(x) + x, name="nested")
    z = nested(z)
    pooled = ops.mean(z, axis=(1, 2))
    left = layers.Dense(3, name="left")(pooled[:, 1:] / 2)
    return library.Model([a, b], [left, -z], name="branches")


def line(library: Any) -> Any:
    layers = library.layers
    return library.Sequential(
        [
            library.Input(SHAPE, name="images"),
            layers.ZeroPadding2D(((1, 0), (2, 1)), name="pad"),
            layers.SeparableConv2D(5, 3, strides=2, name="sep"),
            layers.Conv2DTranspose(4, 3, strides=2, padding="same", name="up"),
            layers.Activation("tanh", name="act"),
            layers.Dropout(0.3, name="drop"),
            layers.GlobalAveragePooling2D(name="gap"),
            layers.Dense(3, activation="softmax", kernel_regularizer="l2", name="out"),
        ],
        name="line",
    )


MAKERS = pytest.mark.parametrize("make", [branches, line])


def inputs_of(make: Any) -> Any:
    generator = np.random.default_rng(4)
    arrays = [generator.standard_normal((2, *SHAPE), np.float32) for _ in range(2)]
    return arrays if make is branches else arrays[0]


def results(library: Any, model: Any, x: Any) -> list[np.ndarray]:
    return [np.asarray(y) for y in pyconv.tree.flatten(model.predict(x, verbose=0))]


def require_same(left: list[np.ndarray], right: list[np.ndarray], tolerance: float = 0.0) -> None:
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@MAKERS
def test_a_model_from_its_config_is_the_same(make: Any) -> None:
    model = make(pyconv)
    again = type(model).from_config(json.loads(json.dumps(model.get_config())))
    again.set_weights(model.get_weights())
    x = inputs_of(make)
    require_same(results(pyconv, model, x), results(pyconv, again, x))
    assert again.name == model.name
    assert json.dumps(again.get_config()) == json.dumps(model.get_config())


@MAKERS
@pytest.mark.parametrize("how", ["json", "clone"])
def test_json_and_clones(make: Any, how: str) -> None:
    model = make(pyconv)
    again = models.model_from_json(model.to_json()) if how == "json" else models.clone_model(model)
    assert type(again) is type(model)
    assert [weight.shape for weight in again.weights] == [weight.shape for weight in model.weights]
    x = inputs_of(make)
    assert any((a != b).any() for a, b in zip(results(0, model, x), results(0, again, x), strict=True))
    again.set_weights(model.get_weights())
    require_same(results(pyconv, model, x), results(pyconv, again, x))


@MAKERS
@pytest.mark.parametrize("via", ["config", "json"])
def test_pyconv_reads_kerass_configuration(make: Any, via: str, keras: ModuleType) -> None:
    """Float32 sums of up to a few hundred terms, in another order."""
    theirs = make(keras)
    if via == "json":
        ours = models.model_from_json(theirs.to_json())
    else:
        ours = (Model if make is branches else Sequential).from_config(theirs.get_config())
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert [weight.shape for weight in ours.weights] == [tuple(weight.shape) for weight in theirs.weights]
    ours.set_weights(theirs.get_weights())
    x = inputs_of(make)
    require_same(results(pyconv, ours, x), results(keras, theirs, x), tolerance=1e-4)


@MAKERS
@pytest.mark.parametrize("via", ["config", "json"])
def test_keras_reads_pyconvs_configuration(make: Any, via: str, keras: ModuleType) -> None:
    ours = make(pyconv)
    if via == "json":
        theirs = keras.models.model_from_json(ours.to_json())
    else:
        theirs = (keras.Model if make is branches else keras.Sequential).from_config(ours.get_config())
    theirs.set_weights(ours.get_weights())
    x = inputs_of(make)
    require_same(results(pyconv, ours, x), results(keras, theirs, x), tolerance=1e-4)  # as above


@MAKERS
def test_the_configuration_has_the_form_of_keras(make: Any, keras: ModuleType) -> None:
    """Every key and value, but for what Keras keeps about features that pyconv lacks."""
    ours, theirs = make(pyconv), make(keras)
    left, right = (_plain(json.loads(json.dumps(model.get_config()))) for model in (ours, theirs))
    assert left == right


def _plain(config: Any) -> Any:
    """Without arguments that are None, false or unknown on one side."""
    absent = {"quantization_config", "input_axes", "output_axes", "sparse", "ragged", "optional"}
    absent |= {"build_config", "compile_config"}
    if isinstance(config, dict):
        # The numbers in names of operations count what other tests made before.
        return {k: _name(k, _plain(v)) for k, v in config.items() if k not in absent and v is not None}
    if isinstance(config, list):
        return [_name("", _plain(value)) for value in config]
    return config


def _name(key: str, value: Any) -> Any:
    if isinstance(value, str) and (stem := value.rpartition("_"))[2].isdigit():
        return stem[0]
    return value


class Twice(layers.Layer):
    def __init__(self, times: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.times = times

    def call(self, x: Any) -> Any:
        return x * self.times

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"times": self.times}


def with_twice() -> Model:
    x = Input((3,))
    return Model(x, Twice(5)(x))


def test_classes_of_ones_own_are_given_or_registered() -> None:
    text = with_twice().to_json()
    with pytest.raises(ValueError, match="Could not locate class 'Twice'"):
        models.model_from_json(text)
    model = models.model_from_json(text, custom_objects={"Twice": Twice})
    np.testing.assert_array_equal(model(np.ones((1, 3))), np.full((1, 3), 5.0))
    with saving.custom_object_scope({"Twice": Twice}):
        assert models.model_from_json(text).layers[1].times == 5  # type: ignore[attr-defined]
    assert models.clone_model(with_twice()).layers[1].times == 5  # type: ignore[attr-defined]
    config = with_twice().get_config()
    assert Model.from_config(config, custom_objects={"Twice": Twice}).layers[1].times == 5  # type: ignore[attr-defined]


def test_registered_classes_are_found_by_package_and_name() -> None:
    @saving.register_keras_serializable(package="tests", name="Thrice")
    class Registered(Twice):
        pass

    assert saving.get_registered_name(Registered) == "tests>Thrice"
    assert saving.get_registered_object("tests>Thrice") is Registered
    model = Sequential([Input((3,)), Registered(3)])
    text = model.to_json()
    assert '"registered_name": "tests>Thrice"' in text
    assert isinstance(models.model_from_json(text).layers[0], Registered)


def test_clone_function_replaces_layers() -> None:
    x = Input((3,))
    model = Model(x, layers.Dropout(0.5)(layers.Dense(2)(x)))

    def clone(layer: layers.Layer) -> layers.Layer:
        config = layer.get_config()
        return layers.Dropout(0.1, name=layer.name) if isinstance(layer, layers.Dropout) else layer.from_config(config)

    rates = [layer.rate for layer in models.clone_model(model, clone_function=clone).layers if hasattr(layer, "rate")]
    assert rates == [0.1]


def test_nothing_is_imported_because_a_configuration_says_so() -> None:
    """A file that names a module must not make pyconv run it."""
    for module in ("os", "subprocess", "pyconv.saving", "keras.src.ops.numpy", "keras.utils"):
        entry = {"module": module, "class_name": "system", "config": {"command": "true"}, "registered_name": None}
        with pytest.raises(ValueError, match=r"Could not locate class|no operation"):
            saving.deserialize_keras_object(entry)
    with pytest.raises(ValueError, match="Could not locate class"):
        saving.deserialize_keras_object({"module": "builtins", "class_name": "function", "config": "eval"})
    lambda_layer = {"class_name": "__lambda__", "config": {"value": "4wEAAAA"}, "module": "builtins"}
    with pytest.raises(ValueError, match="Could not locate class"):
        saving.deserialize_keras_object(lambda_layer)


def test_weights_cannot_be_missing_from_a_graph() -> None:
    config = branches(pyconv).get_config()
    config["layers"] = [entry for entry in config["layers"] if entry["name"] != "pool"]
    with pytest.raises(ValueError, match="inputs of these layers are missing"):
        Model.from_config(config)


def text_of(model: Any, **arguments: Any) -> str:
    lines: list[str] = []
    model.summary(print_fn=lambda line, **_: lines.append(line), **arguments)
    return "\n".join(lines)


def words(table: str) -> list[str]:
    return table.translate(str.maketrans("┏━┳┓┃┡╇┩│├─┼┤└┴┘", " " * 16)).split()


@MAKERS
@pytest.mark.parametrize("arguments", [{}, {"show_trainable": True}, {"expand_nested": True}])
def test_summary_says_what_keras_says(
    make: Any, arguments: dict[str, Any], keras: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same words; in a table so wide that neither breaks a line."""
    monkeypatch.setenv("COLUMNS", "250")
    keras.utils.clear_session()
    pyconv.utils.clear_session()
    ours, theirs = make(pyconv), make(keras)
    if arguments.get("show_trainable"):
        ours.layers[2].trainable = theirs.layers[2].trainable = False
    left = words(text_of(ours, line_length=200, **arguments))
    right = words(text_of(theirs, line_length=200, **arguments))
    assert left == right


def test_names_are_counted_anew_in_a_new_session() -> None:
    pyconv.utils.clear_session()
    assert [layers.Conv2D(1, 1).name for _ in range(3)] == ["conv2d", "conv2d_1", "conv2d_2"]
    x = Input((3,))
    assert (x.name, Model(x, x + 1).name, Model(x, x * 2).name) == ("input_layer", "functional", "functional_1")
    pyconv.utils.clear_session()
    assert layers.Conv2D(1, 1).name == "conv2d"


@pytest.mark.parametrize(
    ("call", "error", "phrase"),
    [
        (lambda: models.clone_model(layers.Dense(3)), TypeError, "clone_model: model must be a model"),
        (lambda: models.model_from_json(layers_json()), TypeError, "must describe a model"),
        (lambda: saving.serialize_keras_object(object()), TypeError, "get_config"),
        (lambda: saving.register_keras_serializable()(int), ValueError, "get_config"),
        (lambda: layers.Dense.from_config({"units": 3, "colour": "red"}), ValueError, "Unrecognized keyword arguments"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], error: Any, phrase: str) -> None:
    with pytest.raises(error, match=phrase):
        call()


def layers_json() -> str:
    return json.dumps(saving.serialize_keras_object(layers.Dense(3)))


def test_large_models_are_restored_in_any_order_of_layers(rng: np.random.Generator) -> None:
    """Keras lists layers by their distance from the outputs; calls are made as soon as their inputs are there."""
    model = branches(pyconv)
    config = model.get_config()
    config["layers"] = config["layers"][::-1]
    again = Model.from_config(config)
    weights = {weight.path: weight.numpy() for weight in model.weights}
    for weight in again.weights:
        weight.assign(weights[weight.path])
    x = [normal(rng, (2, *SHAPE)) for _ in range(2)]
    require_same(results(0, model, x), results(0, again, x))


def inputs_and_outputs() -> tuple[Any, Any]:
    x = pyconv.Input((4,), name="x")
    return x, layers.Dense(2, name="last")(layers.Dense(3, name="first")(x))


def test_a_clone_may_have_more_between_its_layers() -> None:
    model = pyconv.Model(*inputs_and_outputs())

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        result = layer(*args, **kwargs)
        return layers.Dropout(0.5)(result) if isinstance(layer, layers.Dense) else result

    clone = models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
    assert [type(layer).__name__ for layer in clone.layers] == ["InputLayer", "Dense", "Dropout", "Dense", "Dropout"]
    x = np.ones((2, 4))
    np.testing.assert_array_equal(clone(x), model(x))  # the same layers, and no training


@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_a_clone_begins_with_given_tensors_and_goes_into_models_within(kind: str) -> None:
    inner = (
        pyconv.Model(*inputs_and_outputs())
        if kind == "functional"
        else pyconv.Sequential([pyconv.Input((4,)), layers.Dense(2)])
    )
    model = pyconv.Sequential([pyconv.Input((4,)), inner])
    seen = []

    def copied(layer: Any) -> Any:
        seen.append(type(layer).__name__)
        return type(layer).from_config(layer.get_config())

    given = pyconv.Input((4,), name="given")
    clone = models.clone_model(model, given, copied, recursive=True)
    assert set(seen) == {"Dense"}
    assert clone.inputs[0] is given
    clone.set_weights(model.get_weights())
    x = np.ones((2, 4))
    np.testing.assert_array_equal(clone(x), model(x))


def test_what_a_clone_cant_be_made_of() -> None:
    model = pyconv.Model(*inputs_and_outputs())
    with pytest.raises(ValueError, match=r"same structure as model\.input"):
        models.clone_model(model, [pyconv.Input((4,)), pyconv.Input((4,))])
    with pytest.raises(ValueError, match="call_function is for functional models"):
        models.clone_model(pyconv.Sequential([layers.Dense(2)]), call_function=lambda layer, x: layer(x))


class WithParameter(pyconv.Model):
    def __init__(self, *args: Any, parameter: int = 1, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parameter = parameter

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"parameter": self.parameter}


def test_a_functional_model_of_ones_own_class_keeps_its_arguments() -> None:
    x, y = inputs_and_outputs()
    model = WithParameter(inputs=x, outputs=(y, y * 2), parameter=3)
    made = WithParameter.from_config(model.get_config())
    assert made.parameter == 3
    assert isinstance(made(np.ones((1, 4))), tuple)


@pytest.mark.parametrize("make", [pyconv.Sequential, pyconv.Model])
def test_layers_cant_be_set(make: Any) -> None:
    with pytest.raises(AttributeError, match="layers"):
        make().layers = []


def test_a_clone_with_inputs_of_the_same_structure() -> None:
    def inputs(*sizes: int) -> dict[str, Any]:
        return {name: pyconv.Input((size,)) for name, size in zip("ab", sizes, strict=False)}

    x = inputs(2, 3)
    model = pyconv.Model(x, layers.Dense(1)(x["a"]) + layers.Dense(1)(x["b"]))
    clone = pyconv.models.clone_model(model, inputs(2, 3))
    assert clone.input.keys() == {"a", "b"}
    assert clone.count_params() == model.count_params() == 2 + 1 + 3 + 1
    for wrong in (inputs(2), list(inputs(2, 3).values())):
        with pytest.raises(
            ValueError, match=r"clone_model: `input_tensors` must have the same structure as model.input"
        ):
            pyconv.models.clone_model(model, wrong)


def test_a_model_of_ones_own_is_cloned_by_its_config() -> None:
    class Own(pyconv.Model):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units

        def get_config(self) -> dict[str, Any]:
            return {"units": self.units}

    clone = pyconv.models.clone_model(Own(3))
    assert isinstance(clone, Own)
    assert clone.units == 3
    with pytest.raises(ValueError, match="cloned by its configuration alone"):
        pyconv.models.clone_model(Own(3), clone_function=lambda layer: layer)
