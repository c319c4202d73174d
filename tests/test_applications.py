"""The networks of pyconv.applications against Keras: names, shapes, order of weights, results with the same ones."""

from __future__ import annotations

import importlib.util
import inspect
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from pyconv import applications

# The smallest images that say something: odd and even, not square. With a size that isn't the default.
SIZES = {"Xception": (71, 80), "InceptionV3": (75, 80)}
SMALL = {name: SIZES.get(name, (33, 48)) for name in applications.__all__}
each = pytest.mark.parametrize("name", applications.__all__)
# Keras refuses to make this one on its torch backend, so it is compared with TensorFlow's in a process of its own.
on_torch = pytest.mark.parametrize("name", sorted(set(applications.__all__) - {"NASNetMobile"}))
NASNET_IN_KERAS = """
import sys, keras, numpy as np
keras.utils.set_random_seed(1)
model = keras.applications.NASNetMobile(
    weights=None, input_shape=(64, 64, 3), classes=10, classifier_activation=None
)
draw = np.random.default_rng(3).uniform
weights = [w + draw(-0.1, 0.1, w.shape) if w.ndim == 1 else w for w in model.get_weights()]
model.set_weights(weights)
images = np.random.default_rng(2).uniform(-1, 1, (2, 64, 64, 3))
names = np.array([layer.name for layer in model.layers])
logits = model.predict(images, verbose=0)
np.savez(sys.argv[1], *[w.astype("float32") for w in weights], images=images, names=names, logits=logits)
"""


def pair(name: str, keras: ModuleType, **arguments: Any) -> tuple[Any, Any]:
    """The same network in either library, with Keras' weights. Names of layers are counted anew for both."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    pyconv.utils.clear_session()
    height, width = SMALL[name]
    arguments = {"weights": None, "input_shape": (height, width, 3), **arguments}
    ours, theirs = (getattr(library.applications, name)(**arguments) for library in (pyconv, keras))
    weights = _livelier([np.array(weight) for weight in theirs.get_weights()])
    theirs.set_weights(weights)
    ours.set_weights(weights)
    return ours, theirs


def _livelier(weights: list[Any]) -> list[Any]:
    """Initial biases, means and variances are zeros and ones, which would hide a wrong order: moves them a little."""
    generator = np.random.default_rng(3)
    moved = []
    for weight in weights:
        noise = generator.uniform(-0.1, 0.1, weight.shape) if weight.ndim == 1 else 0
        moved.append((weight + noise).astype(weight.dtype))
    return moved


@on_torch
def test_a_network_is_kerass(name: str, keras: ModuleType) -> None:
    """Logits and classes: 1e-4 of the largest, after up to some hundred layers of float32."""
    ours, theirs = pair(name, keras, classes=10, classifier_activation=None)
    assert ours.name == theirs.name
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert [type(layer).__name__ for layer in ours.layers] == [type(layer).__name__ for layer in theirs.layers]
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    for mine, peer in zip(ours.weights, theirs.weights, strict=True):
        assert mine.name == peer.name or peer.name.startswith("variable"), "Keras may have given it no name"
    assert [w.trainable for w in ours.weights] == [w.trainable for w in theirs.weights]
    images = np.random.default_rng(2).uniform(0, 255, (2, *SMALL[name], 3)).astype(np.float32)
    right = theirs.predict(images, verbose=0)
    got = ours.predict(images, verbose=0)
    assert np.ptp(right) > 0
    np.testing.assert_allclose(got, right, rtol=0, atol=1e-4 * np.abs(right).max())


def test_nasnet_is_kerass(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("needs TensorFlow")
    saved = tmp_path / "nasnet.npz"
    environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
    subprocess.run([sys.executable, "-c", NASNET_IN_KERAS, str(saved)], env=environment, check=True, timeout=300)
    theirs = np.load(saved)
    pyconv.utils.clear_session()
    ours = applications.NASNetMobile(input_shape=(64, 64, 3), classes=10, classifier_activation=None)
    assert [layer.name for layer in ours.layers] == list(theirs["names"])
    ours.set_weights([theirs[f"arr_{i}"] for i in range(len(ours.weights))])
    right = theirs["logits"]
    np.testing.assert_allclose(ours(theirs["images"]), right, rtol=0, atol=1e-4 * np.abs(right).max())


@pytest.mark.parametrize(
    ("name", "pooling"), [("MobileNetV2", "avg"), ("VGG16", "max"), ("ResNet50V2", None), ("ConvNeXtTiny", "avg")]
)
def test_without_the_top(name: str, pooling: str | None, keras: ModuleType) -> None:
    ours, theirs = pair(name, keras, include_top=False, pooling=pooling)
    images = np.random.default_rng(2).uniform(-1, 1, (1, *SMALL[name], 3)).astype(np.float32)
    right = theirs.predict(images, verbose=0)
    np.testing.assert_allclose(ours.predict(images, verbose=0), right, rtol=0, atol=1e-4 * np.abs(right).max())


def test_any_size_goes_in_without_the_top() -> None:
    model = applications.MobileNet(include_top=False)
    assert model.output_shape == (None, None, None, 1024)
    assert model(np.zeros((1, 40, 64, 3))).shape == (1, 1, 2, 1024)


def test_channels_first() -> None:
    """The same weights give the same numbers in either layout."""
    last = applications.MobileNetV2(input_shape=(32, 48, 3), classes=5)
    pyconv.config.set_image_data_format("channels_first")
    try:
        first = applications.MobileNetV2(input_shape=(3, 32, 48), classes=5)
    finally:
        pyconv.config.set_image_data_format("channels_last")
    first.set_weights(last.get_weights())
    x = np.random.default_rng(1).uniform(-1, 1, (1, 32, 48, 3)).astype(np.float32)
    np.testing.assert_allclose(first(x.transpose(0, 3, 1, 2)), last(x), rtol=1e-4)  # fifty layers of float32


@each
def test_a_builder_has_kerass_arguments(name: str, keras: ModuleType) -> None:
    ours = inspect.signature(getattr(applications, name)).parameters
    theirs = inspect.signature(getattr(keras.applications, name)).parameters
    assert set(ours) <= set(theirs)
    for argument, parameter in ours.items():
        if argument not in ("weights", "name"):
            assert parameter.default == theirs[argument].default, argument
    assert "Args:" in (getattr(applications, name).__doc__ or "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"weights": "imagenet"}, "VGG16: weights must be None or a file.*imagenet"),
        ({"pooling": "sum"}, "VGG16: pooling.*sum"),
        ({"input_shape": (16, 64, 3)}, "VGG16: Input size must be at least 32x32.*16"),
        ({"input_shape": (64, 64)}, "VGG16: .*three sizes.*64, 64"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        applications.VGG16(**arguments)
