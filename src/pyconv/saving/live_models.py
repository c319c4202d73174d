"""Models of Keras or tf.keras that are in memory, made again in pyconv. Imports neither."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from pyconv import weight_budget
from pyconv.layers.layer import Layer
from pyconv.models.model import Model
from pyconv.saving import described, legacy_config
from pyconv.saving.registration import custom_object_scope
from pyconv.saving.serialization import deserialize_keras_object
from pyconv.saving.sharing import shared_objects


def from_keras(model: Any, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """A model of pyconv with the layers and weights of one of Keras, which stays as it is.

    Args:
        model: a Sequential or functional model of Keras 3 or of tf.keras 2, built.
        custom_objects: pyconv's counterparts of classes and functions of your own in it, by their names.

    Raises:
        TypeError: if model has no `to_json` and `get_weights`.
        ValueError: if it isn't built, or holds layers of kinds that pyconv doesn't have; all of them are named.

    Example:
        import keras, pyconv
        model = pyconv.from_keras(keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]))
    """
    op = "from_keras"
    if not (hasattr(model, "to_json") and hasattr(model, "get_weights")):
        raise TypeError(f"{op}: model must be a model of Keras. Received: {type(model).__name__}.")
    if not getattr(model, "built", False):
        raise ValueError(f"{op}: build the model first, or call it on data. Received: a model without weights.")
    config = json.loads(model.to_json())
    with custom_object_scope(custom_objects or {}), weight_budget.of(sys.maxsize), shared_objects():
        modern = legacy_config.modern(config, config.get("keras_version", "3"))
        made = deserialize_keras_object(described.checked(op, f"the model {model.name!r}", modern))
    _copy_weights(model, made)
    if not isinstance(made, Model):
        raise TypeError(f"{op}: model must be a model of Keras. Received: {type(model).__name__}.")
    return made


def _copy_weights(source: Any, target: Layer) -> None:
    """Sets a layer's weights; in models layer by layer, for Keras 2 orders those of a whole model otherwise."""
    inner = {layer.name: layer for layer in getattr(target, "layers", [])}
    if not inner:
        target.set_weights(source.get_weights())
        return
    for layer in source.layers:
        if layer.name in inner:
            _copy_weights(layer, inner[layer.name])
