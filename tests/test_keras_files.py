"""Files of Keras read by pyconv and the other way round: every layer and every kind of model, with equal results."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from layer_table import CASES, MERGES
from pyconv import saving

pytest.importorskip("h5py")

# Float32 sums of some hundred terms in another order, or another formula for an activation.
TOLERANCE = 1e-5
IMAGE = (8, 8, 3)


def livelier(model: Any) -> Any:
    """Moves the weights off their initial zeros and ones, which would hide a wrong order."""
    generator = np.random.default_rng(5)
    weights = [np.array(weight) for weight in model.get_weights()]
    model.set_weights([np.abs(w + generator.uniform(-0.3, 0.3, w.shape)).astype(w.dtype) for w in weights])
    return model


def outputs(model: Any, x: Any) -> list[Any]:
    return [np.asarray(y) for y in pyconv.tree.flatten(model.predict(x, verbose=0))]


def require_equal(left: Any, right: Any, x: Any) -> None:
    for mine, theirs in zip(outputs(left, x), outputs(right, x), strict=True):
        scale = max(1.0, float(np.abs(theirs).max()))
        np.testing.assert_allclose(mine, theirs, rtol=TOLERANCE, atol=TOLERANCE * scale)


def arrays(shapes: list[tuple[int, ...]]) -> Any:
    generator = np.random.default_rng(6)
    made = [generator.standard_normal(shape).astype(np.float32) for shape in shapes]
    return made if len(made) > 1 else made[0]


def one_layer(library: Any, name: str, arguments: dict[str, Any], shapes: list[tuple[int, ...]]) -> Any:
    inputs = [library.Input(shape[1:], name=f"input_{i}") for i, shape in enumerate(shapes)]
    layer = getattr(library.layers, name)(**arguments, name="mine")
    return library.Model(inputs, layer(inputs if len(inputs) > 1 else inputs[0]))


LAYERS = [(name, arguments, [shape]) for name, arguments, shape in CASES] + MERGES


@pytest.mark.parametrize(
    ("name", "arguments", "shapes"), [pytest.param(*case, id=f"{case[0]}-{i}") for i, case in enumerate(LAYERS)]
)
def test_a_layer(
    name: str, arguments: dict[str, Any], shapes: list[tuple[int, ...]], keras: ModuleType, tmp_path: Path
) -> None:
    theirs = livelier(one_layer(keras, name, arguments, shapes))
    theirs.save(tmp_path / "theirs.keras")
    ours = pyconv.load_model(tmp_path / "theirs.keras")
    x = arrays(shapes)
    require_equal(ours, theirs, x)
    ours.save(tmp_path / "ours.keras")
    require_equal(keras.models.load_model(tmp_path / "ours.keras"), theirs, x)
    ours.save(tmp_path / "ours.h5")
    require_equal(pyconv.load_model(tmp_path / "ours.h5"), theirs, x)


def chain(library: Any) -> Any:
    layers = library.layers
    return library.Sequential(
        [
            library.Input(IMAGE),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(scale=False),
            layers.Dropout(0.5, seed=1),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def graph(library: Any) -> Any:
    """Shared layers, nested models one of which is an output, operators and operations, two inputs and outputs."""
    layers, ops = library.layers, library.ops
    a, b = library.Input(IMAGE, name="a"), library.Input(IMAGE, name="b")
    shared = layers.Conv2D(4, 3, padding="same", name="shared")
    y = shared(a) * 0.5 + shared(b) + 3.0
    inner = library.Sequential([layers.Conv2D(2, 1, name="c"), layers.BatchNormalization(name="bn")], name="inner")
    i = library.Input((8, 8, 2))
    nested = library.Model(i, layers.Conv2D(2, 3, padding="same", name="d")(i) + i, name="nested")
    z = nested(inner(y))
    mean = ops.mean(z, axis=(1, 2))
    return library.Model([a, b], [nested(z), layers.Dense(3, name="e")(mean)])


def layer_of_two_models(library: Any) -> Any:
    """One layer in two models within the model is still one when it is read."""
    layers = library.layers
    shared = layers.Conv2D(3, 1, name="shared")
    first = library.Sequential([library.Input(IMAGE), shared, layers.ReLU(name="r")], name="first")
    second = library.Sequential([library.Input(IMAGE), shared], name="second")
    x = library.Input(IMAGE)
    return library.Model(x, second(first(x)))


def operations(library: Any) -> Any:
    ops = library.ops
    x = library.Input(IMAGE)
    y = ops.relu(x - 0.5) / (ops.exp(x) + 1.0)
    y = ops.concatenate([y, x[:, :, :, :2], ops.square(-x)], axis=-1)
    return library.Model(x, ops.max(ops.reshape(y, (-1, 64, 8)), axis=1))


def one_in_lists(library: Any) -> Any:
    x = library.Input(IMAGE)
    return library.Model([x], [library.layers.Conv2D(2, 3)(x)])


MAKERS: list[Callable[[Any], Any]] = [chain, graph, layer_of_two_models, operations, one_in_lists]
makers = pytest.mark.parametrize("make", MAKERS)


def x_of(make: Any) -> Any:
    return arrays([(2, *IMAGE)] * (2 if make is graph else 1))


@makers
def test_a_model(make: Any, keras: ModuleType, tmp_path: Path) -> None:
    theirs = livelier(make(keras))
    theirs.save(tmp_path / "theirs.keras")
    ours = pyconv.load_model(tmp_path / "theirs.keras")
    assert ours.name == theirs.name
    assert ours.count_params() == theirs.count_params()
    require_equal(ours, theirs, x_of(make))
    ours.save(tmp_path / "ours.keras")
    require_equal(keras.models.load_model(tmp_path / "ours.keras"), theirs, x_of(make))


@makers
def test_weights_alone(make: Any, keras: ModuleType, tmp_path: Path) -> None:
    ours, theirs = livelier(make(pyconv)), make(keras)
    ours.save_weights(tmp_path / "ours.weights.h5")
    theirs.load_weights(tmp_path / "ours.weights.h5")
    require_equal(ours, theirs, x_of(make))
    again = make(pyconv)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    again.load_weights(tmp_path / "theirs.weights.h5")
    require_equal(again, ours, x_of(make))


@pytest.mark.filterwarnings("ignore:.*HDF5 file:UserWarning")
@pytest.mark.parametrize("make", [chain, graph])
def test_the_old_form(make: Any, keras: ModuleType, tmp_path: Path) -> None:
    """Keras reads no operators from the old form, so there it is given weights only."""
    theirs = livelier(make(keras))
    theirs.save(tmp_path / "theirs.h5")
    ours = pyconv.load_model(tmp_path / "theirs.h5")
    require_equal(ours, theirs, x_of(make))
    ours.save(tmp_path / "ours.h5")
    other = make(keras)
    other.load_weights(tmp_path / "ours.h5")
    require_equal(ours, other, x_of(make))
    if make is chain:
        require_equal(keras.models.load_model(tmp_path / "ours.h5"), theirs, x_of(make))


def test_the_parts_of_a_file_are_those_of_keras(keras: ModuleType, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    found = []
    for library in (pyconv, keras):
        library.utils.clear_session()
        chain(library).save(tmp_path / "model.keras")
        with zipfile.ZipFile(tmp_path / "model.keras") as archive, archive.open("model.weights.h5") as file:
            names: list[Any] = []
            with h5py.File(file) as weights:
                weights.visititems(lambda name, thing, names=names: names.append((name, thing.attrs.get("name"))))
            config = json.loads(archive.read("config.json"))
            layers = [(entry["module"], entry["class_name"]) for entry in config["config"]["layers"]]
            found.append((archive.namelist(), names, layers, config["class_name"], config["module"]))
    assert found[0] == found[1]


def test_a_model_without_weights_yet(keras: ModuleType, tmp_path: Path) -> None:
    theirs = keras.Sequential([keras.layers.Conv2D(3, 3), keras.layers.Flatten()])
    with pytest.warns(UserWarning, match="not yet been built"):
        theirs.save(tmp_path / "theirs.keras")
    assert not pyconv.load_model(tmp_path / "theirs.keras").built
    ours = pyconv.Sequential([pyconv.layers.Conv2D(3, 3), pyconv.layers.Flatten()])
    ours.save(tmp_path / "ours.keras")
    assert keras.models.load_model(tmp_path / "ours.keras").layers[0].filters == 3
    with pytest.raises(ValueError, match="save_weights: build the model"):
        ours.save_weights(tmp_path / "ours.weights.h5")


def block(library: Any) -> Any:
    """A class of one's own with layers as attributes, alone and in containers, and a weight of its own."""

    @library.saving.register_keras_serializable(package="tests")
    class Block(library.layers.Layer):  # type: ignore[misc, name-defined]
        def __init__(self, filters: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.filters = filters
            self.second = library.layers.Conv2D(filters, 3, padding="same")
            self.first = library.layers.Conv2D(filters, 1)
            self._norm = library.layers.BatchNormalization()
            self.branches = [library.layers.Conv2D(filters, 1), {"deep": library.layers.Conv2D(filters, 1)}]

        def build(self, input_shape: Any) -> None:
            self.factor = self.add_weight(shape=(self.filters,), initializer="ones", name="factor")
            inner = (*input_shape[:-1], self.filters)
            self.first.build(input_shape)
            for layer in (self.second, self._norm, self.branches[0], self.branches[1]["deep"]):
                layer.build(inner)
            self.built = True

        def call(self, x: Any) -> Any:
            x = self._norm(self.second(self.first(x)))
            return self.branches[0](x) + self.branches[1]["deep"](x) * self.factor

        def compute_output_shape(self, input_shape: Any) -> Any:
            return (*input_shape[:-1], self.filters)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "filters": self.filters}

    return library.Sequential([library.Input(IMAGE), Block(4)])


def test_classes_of_ones_own(keras: ModuleType, tmp_path: Path) -> None:
    theirs, ours = livelier(block(keras)), block(pyconv)
    theirs.save(tmp_path / "theirs.keras")
    require_equal(pyconv.load_model(tmp_path / "theirs.keras"), theirs, x_of(block))
    ours.load_weights(tmp_path / "theirs.keras")
    ours.save(tmp_path / "ours.keras")
    require_equal(keras.models.load_model(tmp_path / "ours.keras"), theirs, x_of(block))


class OwnModel(pyconv.Model):
    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.dense = pyconv.layers.Dense(units)

    def call(self, x: Any) -> Any:
        return self.dense(x) * 2.0

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"units": self.units}


def test_a_model_of_ones_own_is_built_as_it_was(tmp_path: Path) -> None:
    model = OwnModel(4)
    x = arrays([(2, 5)])
    right = model(x)
    model.save(tmp_path / "own.keras")
    again = pyconv.load_model(tmp_path / "own.keras", custom_objects={"OwnModel": OwnModel})
    np.testing.assert_array_equal(again(x), right)


def test_saved_and_read_again_it_is_the_same(tmp_path: Path) -> None:
    model = graph(pyconv)
    for name in ("model.keras", "model.h5"):
        model.save(tmp_path / name)
        again = saving.load_model(tmp_path / name)
        assert json.dumps(again.get_config()) == json.dumps(model.get_config())
        for mine, other in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, other)
