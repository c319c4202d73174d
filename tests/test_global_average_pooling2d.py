"""layers.GlobalAveragePooling2D against np.mean, forward and gradient. What all layers share is in test_layers.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import LAYOUTS, Array, integers, normal
from pyconv import layers
from pyconv.gradient import Tape

# Eight pixels a channel: sums of small integers over a power of two are exact, so results are compared for equality.
SHAPE = (3, 2, 4, 5)
AXES = {"channels_last": (1, 2), "channels_first": (2, 3)}
each_format = pytest.mark.parametrize("data_format", AXES)
each_keepdims = pytest.mark.parametrize("keepdims", [False, True])


def images(data_format: str, dtype: Any = np.float32) -> Array:
    x = integers(np.random.default_rng(22), SHAPE, dtype)
    return x if data_format == "channels_last" else np.ascontiguousarray(np.moveaxis(x, -1, 1))


@each_format
@each_keepdims
@pytest.mark.parametrize("layout", LAYOUTS)
def test_forward(data_format: str, keepdims: bool, layout: str) -> None:
    x = images(data_format)
    y = layers.GlobalAveragePooling2D(data_format, keepdims)(LAYOUTS[layout](x))
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, x.mean(axis=AXES[data_format], keepdims=keepdims))


@each_format
@each_keepdims
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradient(data_format: str, keepdims: bool, dtype: str) -> None:
    """Each output's gradient is shared equally among the eight pixels of its image and channel."""
    x = images(data_format, dtype)
    with Tape([x]) as tape:
        y = layers.GlobalAveragePooling2D(data_format, keepdims, dtype=dtype)(x)
    upstream = integers(np.random.default_rng(23), y.shape, dtype)
    (gradient,) = tape.gradient(y, upstream)
    assert gradient.dtype == dtype
    share = upstream if keepdims else np.expand_dims(upstream, AXES[data_format])
    np.testing.assert_array_equal(gradient, np.broadcast_to(share / 8, x.shape))


@each_format
@each_keepdims
def test_gradient_against_finite_differences(data_format: str, keepdims: bool) -> None:
    """The layer is linear: only rounding is left, eps * |f| / h = 2e-11 for |f| near 1 and h = 1e-5."""
    generator = np.random.default_rng(24)
    x, direction = normal(generator, (2, 5, 3, 4), np.float64), normal(generator, (2, 5, 3, 4), np.float64)
    layer = layers.GlobalAveragePooling2D(data_format, keepdims, dtype="float64")
    with Tape([x]) as tape:
        y = layer(x)
    weights = normal(generator, y.shape, np.float64)
    slope = float(((layer(x + 1e-5 * direction) - layer(x - 1e-5 * direction)) * weights).sum()) / 2e-5
    (gradient,) = tape.gradient(y, weights)
    assert float((gradient * direction).sum()) == pytest.approx(slope, rel=1e-7, abs=1e-7)


@each_format
@each_keepdims
def test_against_keras(data_format: str, keepdims: bool, keras: Any) -> None:
    """Keras adds up in float32 whatever the dtype: fourteen roundings of sums below 15, divided by 15: 14 * eps / 2."""
    x = normal(np.random.default_rng(25), (2, 5, 3, 4))
    if data_format == "channels_first":
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    ours = layers.GlobalAveragePooling2D(data_format, keepdims)
    theirs = keras.layers.GlobalAveragePooling2D(data_format, keepdims)
    np.testing.assert_allclose(ours(x), theirs(x).numpy(), rtol=0, atol=1e-6)
    shape = (None, *x.shape[1:])
    assert ours.compute_output_shape(shape) == tuple(theirs.compute_output_shape(shape))


@each_format
@each_keepdims
def test_the_output_shape_with_unknown_sizes(data_format: str, keepdims: bool) -> None:
    layer = layers.GlobalAveragePooling2D(data_format, keepdims)
    shape = (None, None, None, 5) if data_format == "channels_last" else (None, 5, None, None)
    one = tuple(1 if axis in AXES[data_format] else size for axis, size in enumerate(shape))
    assert layer.compute_output_shape(shape) == (one if keepdims else (None, 5))


def test_a_built_layer_takes_images_of_any_size() -> None:
    layer = layers.GlobalAveragePooling2D()
    assert layer(np.ones((2, 4, 4, 3))).shape == (2, 3)
    assert layer(np.ones((1, 7, 2, 3))).shape == (1, 3)
    assert layer(np.ones((0, 7, 2, 3))).shape == (0, 3)
    assert layer.weights == []


def test_the_alias_and_the_config() -> None:
    assert layers.GlobalAvgPool2D is layers.GlobalAveragePooling2D
    config = layers.GlobalAvgPool2D("channels_first", keepdims=True, name="mean").get_config()
    assert {key: config[key] for key in ("name", "trainable", "data_format", "keepdims")} == {
        "name": "mean",
        "trainable": True,
        "data_format": "channels_first",
        "keepdims": True,
    }
    assert layers.GlobalAvgPool2D.from_config(config).get_config() == config


def test_in_a_model() -> None:
    model = pyconv.Sequential(
        [layers.Input((6, 6, 1)), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )
    assert model.output_shape == (None, 2)
    model.compile("sgd", "mean_squared_error")
    before = model.get_weights()
    model.train_on_batch(np.ones((2, 6, 6, 1)), np.ones((2, 2)))
    assert (model.get_weights()[0] != before[0]).any(), "the gradient must reach the layer in front"


@pytest.mark.parametrize("shape", [(2, 3), (2, 4, 3), (2, 4, 4, 4, 3), (2, 0, 4, 3), (2, 4, 0, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"^GlobalAveragePooling2D: inputs"):
        layers.GlobalAveragePooling2D()(np.zeros(shape))


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match=r"^GlobalAveragePooling2D: data_format.*NHWC"):
        layers.GlobalAveragePooling2D("NHWC")
