"""pyconv.compare: versions of one model of which one is wrong in a layer that is known."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import pyconv
import pyconv.onnx
from arrays import Array
from pyconv import layers
from pyconv.comparing import Comparison


def network() -> pyconv.Model:
    x = pyconv.Input((8, 8, 3))
    y = layers.Conv2D(4, 3, padding="same", activation="relu", name="stem")(x)
    y = layers.Add(name="sum")([layers.DepthwiseConv2D(3, padding="same", name="spread")(y), y])
    model = pyconv.Model(x, layers.Dense(2, name="head")(layers.GlobalAveragePooling2D(name="mean")(y)))
    rng = np.random.default_rng(60)
    model.set_weights([rng.standard_normal(weight.shape) for weight in model.weights])
    return model


@pytest.fixture
def images(rng: np.random.Generator) -> Array:
    return rng.standard_normal((2, 8, 8, 3)).astype(np.float32)


def compared(model: object, other: object, *inputs: Array) -> Comparison:
    printed: list[str] = []
    found = pyconv.compare(model, other, *inputs, print_fn=printed.append)
    assert printed == [str(found)]
    return found


def test_equal_models_agree(images: Array) -> None:
    found = compared(network(), network(), images)
    assert found.first is None
    assert [row.name for row in found.rows] == ["stem", "spread", "sum", "mean", "head"]
    assert str(found).endswith("all agree")


def test_the_first_layer_that_differs_is_named(images: Array) -> None:
    wrong = network()
    wrong.get_layer("spread").bias.assign_add([0, 0, 0.5, 0])
    found = compared(network(), wrong, images)
    assert found.first is not None
    assert (found.first.name, found.first.other, found.first.shape) == ("spread", "spread", (2, 8, 8, 4))
    assert found.first.error == pytest.approx(0.5, rel=1e-5)
    assert [row.name for row in found.rows if row.agrees] == ["stem"]


def test_a_number_that_is_none_differs(images: Array) -> None:
    wrong = network()
    wrong.get_layer("head").bias.assign([np.nan, 0])
    first = compared(wrong, network(), images).first
    assert first is not None
    assert (first.name, first.error) == ("head", np.inf)


def test_with_onnxruntime_and_with_the_loaded_file(images: Array, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    model = network()
    file = pyconv.onnx.export(model, tmp_path / "model.onnx")
    for other in (file, file.SerializeToString(), tmp_path / "model.onnx", pyconv.onnx.load(file)):
        found = compared(model, other, images)
        assert found.first is None
        assert len(found.rows) + len(found.left_out) == 5
    model.get_layer("spread").bias.assign([0, 0, 0.5, 0])
    first = compared(model, file, images).first
    assert first is not None
    assert first.name == "spread"


def test_with_keras(images: Array, keras: ModuleType) -> None:
    model = network()
    theirs = keras.Model.from_config(model.get_config())
    theirs.set_weights(model.get_weights())
    assert compared(model, theirs, images).first is None
    assert compared(theirs, model, images).first is None
    theirs.get_layer("sum").name = "sum"
    theirs.get_layer("head").set_weights([weight * 1.01 for weight in theirs.get_layer("head").get_weights()])
    first = compared(model, theirs, images).first
    assert first is not None
    assert first.name == "head"


def test_a_result_that_the_other_lacks_is_left_out(images: Array) -> None:
    model = network()
    stem = pyconv.Model(model.inputs, model.get_layer("stem").output)
    found = compared(model, stem, images)
    assert found.left_out == ["mean", "head"]
    assert "not compared" in str(found)


def test_what_is_no_model_is_refused(images: Array) -> None:
    with pytest.raises(TypeError, match="must be one of pyconv, Keras or ONNX"):
        pyconv.compare(network(), 3, images)
