"""Every layer written as ONNX and run by onnxruntime and by pyconv: the outputs are those of the layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconv
import pyconv.onnx
from arrays import Array
from layer_table import CASES, MERGES
from pyconv import layers

pytest.importorskip("onnx")
# Sums of some ten products of numbers up to 5 in another order; a wrong tap, pad or axis is off by a part of the whole.
TOLERANCE = 1e-5


def with_weights(model: pyconv.Model) -> pyconv.Model:
    """The model with weights that are neither zeros nor ones, as BatchNormalization's may be."""
    rng = np.random.default_rng(50)
    model.set_weights([rng.uniform(0.5, 1.5, weight.shape) for weight in model.weights])
    return model


def assert_written(model: pyconv.Model, *inputs: Array) -> None:
    runtime = pytest.importorskip("onnxruntime")
    file = pyconv.onnx.export(model)
    session = runtime.InferenceSession(file.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    theirs = session.run(None, dict(zip(names, inputs, strict=True)))
    again = pyconv.onnx.load(file)(*inputs)
    expected = pyconv.tree.flatten(model.predict(list(inputs) if len(inputs) > 1 else inputs[0], verbose=0))
    for ours, other, loaded in zip(expected, theirs, again, strict=True):
        assert ours.shape == other.shape == loaded.shape
        bound = TOLERANCE * max(1.0, float(np.abs(ours).max(initial=0)))
        np.testing.assert_allclose(other, ours, rtol=0, atol=bound)
        np.testing.assert_allclose(loaded, ours, rtol=0, atol=bound)


def image(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(51).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "arguments", "shape"), [pytest.param(*case, id=f"{case[0]}-{i}") for i, case in enumerate(CASES)]
)
def test_every_layer(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    model = pyconv.Sequential([pyconv.Input(shape[1:]), getattr(layers, name)(**arguments)])
    assert_written(with_weights(model), image(shape))


@pytest.mark.parametrize(
    ("name", "arguments", "shapes"), [pytest.param(*case, id=f"{case[0]}-{i}") for i, case in enumerate(MERGES)]
)
def test_every_layer_of_several_inputs(name: str, arguments: dict[str, Any], shapes: list[tuple[int, ...]]) -> None:
    inputs = [pyconv.Input(shape[1:]) for shape in shapes]
    model = pyconv.Model(inputs, getattr(layers, name)(**arguments)(inputs))
    assert_written(model, *map(image, shapes))


@pytest.mark.parametrize("size", [(None, None, 3), (9, 8, 3)])
def test_a_network_with_few_transpositions(size: tuple[int | None, ...], tmp_path: Path) -> None:
    x = pyconv.Input(size)
    y = layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(x)
    y = layers.Activation("relu")(layers.BatchNormalization()(y))
    z = layers.DepthwiseConv2D(3, padding="same", activation="silu")(y)
    y = layers.Concatenate()([layers.Add()([y, z]), y])
    y = layers.MaxPooling2D(2, padding="same")(layers.UpSampling2D(2)(y)) * 0.5
    model = with_weights(pyconv.Model(x, [layers.Dense(3)(layers.GlobalAveragePooling2D()(y)), y]))
    assert_written(model, image((2, 9, 8, 3)))
    file = pyconv.onnx.export(model, tmp_path / "model.onnx")
    assert pyconv.onnx.load(tmp_path / "model.onnx").outputs == pyconv.onnx.load(file).outputs
    assert [node.op_type for node in file.graph.node].count("Transpose") == 2


def test_models_in_models_and_shared_layers() -> None:
    inner = pyconv.Sequential([pyconv.Input((5, 4)), layers.Dense(4), layers.Dropout(0.5)], name="inner")
    x = pyconv.Input((5, 4))
    assert_written(with_weights(pyconv.Model(x, inner(inner(x)) + x)), image((2, 5, 4)))


class Mine(layers.Layer):
    """A layer that nobody else knows."""

    def call(self, x: Array) -> Array:
        return x


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (Mine(name="own"), r"'own' \(Mine\) can't be written"),
        (layers.Softmax(axis=[1, 2]), "softmax along one axis"),
        (layers.Activation("sparsemax"), "'sparsemax' has no ONNX form"),
        (layers.Conv2D(2, 3, activation=lambda x: x), "has no ONNX form"),
        (layers.UpSampling2D(interpolation="lanczos3"), "no interpolation 'lanczos3'"),
        (layers.AdaptiveAveragePooling2D((2, 2)), "must be known"),
    ],
)
def test_what_can_not_be_written_is_named(layer: layers.Layer, why: str) -> None:
    x = pyconv.Input((None, None, 3))
    with pytest.raises(pyconv.onnx.UnsupportedLayerError, match=why):
        pyconv.onnx.export(pyconv.Model(x, layer(x)))


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(TypeError, match="must be a pyconv model"):
        pyconv.onnx.export(layers.Conv2D(2, 3))  # type: ignore[arg-type]
    with pytest.raises(pyconv.onnx.UnsupportedLayerError, match="no graph"):
        pyconv.onnx.export(pyconv.Sequential([layers.Conv2D(2, 3)]))


@pytest.mark.parametrize(
    "layer",
    [
        layers.Activation("squareplus"),
        layers.ReLU(max_value=2.0),
        layers.ReLU(threshold=0.5),
        layers.ReLU(max_value=2.0, threshold=0.5),
    ],
    ids=["squareplus", "max_value", "threshold", "both"],
)
def test_activations_with_bounds(layer: pyconv.Layer) -> None:
    x = np.linspace(-3, 3, 24, dtype="float32").reshape(1, 2, 3, 4)
    assert_written(pyconv.Sequential([layers.Input((2, 3, 4)), layer]), x)
