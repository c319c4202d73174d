"""Models, their weights and configurations in files of Keras, and the classes of one's own that they may name."""

from __future__ import annotations

from pyconv.saving.errors import ModelFileError, UnknownClassesError
from pyconv.saving.live_models import from_keras
from pyconv.saving.model_files import load_model, load_weights, save_model, save_weights
from pyconv.saving.registration import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from pyconv.saving.serialization import deserialize_keras_object, serialize_keras_object
from pyconv.saving.torch_weights import load_torch_state_dict

__all__ = [
    "CustomObjectScope",
    "ModelFileError",
    "UnknownClassesError",
    "custom_object_scope",
    "deserialize_keras_object",
    "from_keras",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_torch_state_dict",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
