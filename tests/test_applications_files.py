"""The networks of pyconv.applications with weights from files that Keras writes, and whole in files of either."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from pyconv import applications

h5py: Any = pytest.importorskip("h5py")

# Raw operations on tensors; nested models and a class of its own. The others are all layers of layer_table.py.
SMALL = {"MobileNetV3Small": (32, 32, 3), "ConvNeXtTiny": (32, 32, 3)}


@pytest.fixture(params=SMALL, scope="module")
def network(request: pytest.FixtureRequest, keras: ModuleType) -> tuple[str, Any, Any, Any]:
    """A network of Keras with random weights, images and what it says of them."""
    name = request.param
    theirs = getattr(keras.applications, name)(weights=None, input_shape=SMALL[name], classes=5)
    generator = np.random.default_rng(9)
    noise = [generator.uniform(0, 0.1, weight.shape) * (weight.ndim == 1) for weight in theirs.get_weights()]
    theirs.set_weights([weight + more for weight, more in zip(theirs.get_weights(), noise, strict=True)])
    images = generator.uniform(0, 255, (2, *SMALL[name])).astype(np.float32)
    return name, theirs, images, theirs.predict(images, verbose=0)


def require_right(got: Any, right: Any) -> None:
    """Probabilities after up to two hundred layers of float32."""
    np.testing.assert_allclose(got, right, rtol=0, atol=1e-5)


@pytest.mark.parametrize("form", ["model.weights.h5", "model.h5"])
def test_weights_from_a_file(form: str, network: Any, tmp_path: Path) -> None:
    name, theirs, images, right = network
    path = tmp_path / form
    if form == "model.h5":
        from keras.src.legacy.saving import legacy_h5_format  # noqa: PLC0415 - Keras' own downloads have this form

        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, theirs)
    else:
        theirs.save_weights(path)
    ours = getattr(applications, name)(weights=path, input_shape=SMALL[name], classes=5)
    require_right(ours.predict(images), right)
    with pytest.raises(ValueError, match=r"the kernel of layer .* has the shape"):
        getattr(applications, name)(weights=path, input_shape=SMALL[name], classes=6)


def test_whole_in_a_file(network: Any, keras: ModuleType, tmp_path: Path) -> None:
    name, theirs, images, right = network
    theirs.save(tmp_path / "theirs.keras")
    ours = pyconv.load_model(tmp_path / "theirs.keras")
    require_right(ours.predict(images), right)
    ours.save(tmp_path / "ours.keras")
    own = {"LayerScale": keras.src.applications.convnext.LayerScale} if name == "ConvNeXtTiny" else None
    again = keras.models.load_model(tmp_path / "ours.keras", custom_objects=own)
    require_right(again.predict(images, verbose=0), right)
