"""Settings of layers by Keras' names: what initializers, regularizers and constraints share. Holds none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class Registry:
    """The classes of one module, made and saved by name.

    Args:
        module: the module's name in Keras and in pyconv, "initializers" say.
        classes: the classes by their lower-case names; they are known by their class names too.

    Example:
    >>> from pyconv.registry import Registry
    >>> Registry("numbers", {"complex": complex}).get("complex")
    0j
    """

    def __init__(self, module: str, classes: Mapping[str, type[Any]]) -> None:
        self._module = module
        self._names = list(classes)
        self._classes = {**classes, **{cls.__name__: cls for cls in classes.values()}}

    def get(self, identifier: Any) -> Callable[..., Any]:
        """The object that `identifier` means: a name, a class, what `serialize` returns, or any callable.

        Raises:
            TypeError: if it is none of these.
            ValueError: if there is nothing of that name.
        """
        op = f"{self._module}.get"
        arguments: dict[str, Any] = {}
        if isinstance(identifier, dict):
            arguments = identifier.get("config", {})
            identifier = identifier.get("class_name", "")
        if isinstance(identifier, str):
            if identifier not in self._classes:
                raise ValueError(f"{op}: identifier must be one of {', '.join(self._names)}. Received: {identifier!r}.")
            identifier = self._classes[identifier]
        if not callable(identifier):
            raise TypeError(
                f"{op}: identifier must be a name, a class, a dict or a callable. Received: {identifier!r}."
            )
        made: Callable[..., Any] = identifier(**arguments) if isinstance(identifier, type) else identifier
        return made

    def serialize(self, thing: Any) -> dict[str, Any]:
        """The object as the dict that Keras writes into a configuration; `get` reads it.

        Raises:
            TypeError: if its class isn't one of the module's.
        """
        name = type(thing).__name__
        if self._classes.get(name) is not type(thing):
            raise TypeError(
                f"{self._module}.serialize: the object must be one of pyconv.{self._module}. Received: {thing!r}."
            )
        config = thing.get_config()
        return {"module": f"keras.{self._module}", "class_name": name, "config": config, "registered_name": None}
