"""Optimizers with Keras' names, arguments and formulas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyconv.optimizers import schedules
from pyconv.optimizers.adagrad import Adagrad
from pyconv.optimizers.adam import Adam
from pyconv.optimizers.adamw import AdamW
from pyconv.optimizers.optimizer import Optimizer
from pyconv.optimizers.rmsprop import RMSprop
from pyconv.optimizers.sgd import SGD
from pyconv.registry import Registry

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

_REGISTRY = Registry("optimizers", {cls.__name__.lower(): cls for cls in (Adagrad, Adam, AdamW, RMSprop, SGD)})


def get(identifier: Any) -> Optimizer:
    """The optimizer that `identifier` means.

    Args:
        identifier: a name in any case or a class, for Keras' default arguments; what `serialize` returns; or an
            optimizer, which is returned as it is.

    Raises:
        TypeError: if it is none of these.
        ValueError: if there is no optimizer of that name.

    Example:
    >>> from pyconv import optimizers
    >>> optimizers.get("adam").learning_rate
    0.001
    """
    if isinstance(identifier, Optimizer):
        return identifier
    found: Any = _REGISTRY.get(identifier.lower() if isinstance(identifier, str) else identifier)
    if not isinstance(found, Optimizer):
        raise TypeError(f"optimizers.get: give a name or an optimizer. Received: identifier={identifier!r}.")
    return found


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """The optimizer's class and arguments as the dict that Keras writes, without its state; `get` reads it."""
    return _REGISTRY.serialize(optimizer)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
    """A new optimizer from what `serialize`, or Keras', returned.

    Args:
        config: the description.
        custom_objects: classes that aren't pyconv's, by their names.

    Raises:
        ValueError: if it names a class that isn't known.
    """
    from pyconv.saving import custom_object_scope  # noqa: PLC0415 - so that `import pyconv` stays light

    with custom_object_scope(custom_objects or {}):
        return get(config)
