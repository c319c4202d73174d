"""Objects as dictionaries that JSON can hold, in Keras 3's form, and back. Reads and writes no files.

    {"module": "keras.layers", "class_name": "Conv2D", "config": {...}, "registered_name": None}

Classes and functions are those of known_classes.py; nothing else can come of a name in a configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyconv.saving import sharing
from pyconv.saving.known_classes import find_class, find_function
from pyconv.saving.registration import custom_object_scope, get_registered_name

# Where Keras puts the classes of a package of pyconv, beside the plain "keras.<package>".
_MODULES = {
    "Sequential": "keras",
    "Model": "keras",
    "Functional": "keras.src.models.functional",
    "LayerScale": "keras.src.applications.convnext",
}


def serialize_keras_object(obj: Any) -> Any:
    """An object's class and configuration as a dictionary; numbers, text and structures of them as they are.

    Raises:
        TypeError: if it has no `get_config`.

    Example:
    >>> import pyconv
    >>> pyconv.saving.serialize_keras_object(pyconv.initializers.Constant(0.5))
    {'module': 'keras.initializers', 'class_name': 'Constant', 'config': {'value': 0.5}, 'registered_name': None}
    """
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [serialize_keras_object(value) for value in obj]
    if not hasattr(obj, "get_config"):
        return _serialize_plain(obj)
    described = _described(type(obj), type(obj).__name__, obj.get_config())
    if getattr(obj, "built", False) and getattr(obj, "input_shape", None) is not None and hasattr(obj, "build"):
        described["build_config"] = {"input_shape": obj.input_shape}
    sharing.note_description(obj, described)
    return described


def deserialize_keras_object(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The object that `serialize_keras_object`, or Keras', described.

    Args:
        config: the description.
        custom_objects: classes and functions that aren't pyconv's, by their names.

    Raises:
        ValueError: if it names a class that isn't known.
    """
    with custom_object_scope(custom_objects or {}):
        if isinstance(config, list | tuple):
            return type(config)([deserialize_keras_object(item) for item in config])
        if not isinstance(config, dict):
            return config
        if "class_name" not in config or "config" not in config:
            return {key: deserialize_keras_object(value) for key, value in config.items()}
        return _deserialize_one(config, config["class_name"], config["config"])


def _serialize_plain(obj: Any) -> Any:
    """What has no configuration: numbers and text, what stands between brackets, functions."""
    if isinstance(obj, slice):
        return {"class_name": "__slice__", "config": {"start": obj.start, "stop": obj.stop, "step": obj.step}}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if callable(obj) and hasattr(obj, "__name__"):
        return _described(obj, "function", obj.__name__)
    if obj is not None and not isinstance(obj, str | bool | int | float | np.generic):
        raise TypeError(f"serialize_keras_object: obj must have a get_config method. Received: {obj!r}.")
    return obj.item() if isinstance(obj, np.generic) else obj


def _deserialize_one(config: Mapping[str, Any], name: str, inner: Any) -> Any:
    if name == "__slice__":
        return slice(inner["start"], inner["stop"], inner["step"])
    if name == "__ellipsis__":
        return Ellipsis
    if name == "function":
        return _found(config, inner, find_function(config.get("module"), inner, config.get("registered_name")))
    if (shared := sharing.made_before(config)) is not None:
        return shared
    found = _found(config, name, find_class(config.get("module"), name, config.get("registered_name")))
    made = found.from_config(inner) if hasattr(found, "from_config") else found(**inner)
    shape = (config.get("build_config") or {}).get("input_shape")
    if shape and not getattr(made, "built", True) and hasattr(made, "layers"):
        made.build(shape)  # a model of one's own; layers are built when they are connected
    sharing.note_made(made, config)
    return made


def _described(thing: Any, class_name: str, config: Any) -> dict[str, Any]:
    """The dictionary for an object of a class, or for a function."""
    module, registered = str(thing.__module__), get_registered_name(thing)
    if module.startswith("pyconv.") and ">" not in registered:
        module = _MODULES.get(class_name, f"keras.{module.split('.')[1]}")
        own = None if class_name != "Functional" else class_name
        return {"module": module, "class_name": class_name, "config": config, "registered_name": own}
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered}


def _found(config: Mapping[str, Any], name: Any, found: Any) -> Any:
    if found is None:
        raise ValueError(
            f"deserialize_keras_object: Could not locate class {name!r}. Make sure that a class of one's own is "
            "decorated with @pyconv.saving.register_keras_serializable() or given in custom_objects. "
            f"Received: module={config.get('module')!r}."
        )
    return found
