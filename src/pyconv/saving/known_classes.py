"""The classes and functions that a file may name: pyconv's, in the packages where Keras has them, and no others.

Nothing is imported because a file says so, and no attribute is looked up that isn't in a package's list.
"""

from __future__ import annotations

import importlib
from typing import Any

from pyconv.saving.registration import get_registered_object

# Packages with classes that have a configuration, and those with functions that a configuration may name.
_WITH_CLASSES = ("layers", "models", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers")
_WITH_FUNCTIONS = ("activations", "losses", "metrics")
_NO_FUNCTIONS = ("get", "serialize", "deserialize")
# None and the last two: files of Keras 2.
_KERAS = ("", "None", "keras", "tensorflow", "tf_keras")


def find_class(module: Any, name: Any, registered_name: Any = None) -> Any:
    """The class that a configuration means: the caller's own first, then pyconv's. None if there is none."""
    for known in (registered_name, name):
        if isinstance(known, str) and (own := get_registered_object(known)) is not None:
            return own
    packages = _packages(module) or ["layers", "models"]
    if packages == ["applications"] and name == "LayerScale":  # ConvNeXt's
        return importlib.import_module("pyconv.applications.convnext").LayerScale
    for package in packages:
        if package in _WITH_CLASSES:
            found = _listed(package, name)
            if isinstance(found, type) and hasattr(found, "get_config"):
                return found
    return None


def find_function(module: Any, name: Any, registered_name: Any = None) -> Any:
    """The function that a configuration means, likewise."""
    for known in (registered_name, name):
        if isinstance(known, str) and (own := get_registered_object(known)) is not None:
            return own
    for package in _packages(module) or list(_WITH_FUNCTIONS):
        if package in _WITH_FUNCTIONS and name not in _NO_FUNCTIONS:
            found = _listed(package, name)
            if callable(found) and not isinstance(found, type):
                return found
    return None


def _packages(module: Any) -> list[str]:
    """The package of a module of Keras, "layers" of "keras.src.layers.core.dense"; ["?"] for modules of others."""
    root, *parts = (part for part in str(module).split(".") if part not in ("src", "api", "python"))
    if root not in _KERAS:
        return ["?"]
    return [part for part in parts if part not in ("keras", "_tf_keras")][:1]


def _listed(package: str, name: Any) -> Any:
    found = importlib.import_module(f"pyconv.{package}")
    return getattr(found, name) if isinstance(name, str) and name in found.__all__ else None
