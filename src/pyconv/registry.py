"""Objects by Keras' names: what initializers, optimizers, losses and their like share. Holds none of them."""

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

        Classes of one's own that are registered, see `pyconv.saving`, come before those of the module.

        Raises:
            TypeError: if it is none of these.
            ValueError: if there is nothing of that name.
        """
        if isinstance(identifier, Mapping):
            return self._described(identifier)
        found = self._named(identifier) if isinstance(identifier, str) else identifier
        if not callable(found):
            raise TypeError(
                f"{self._module}.get: identifier must be a name, a class, a dict or a callable. "
                f"Received: {identifier!r}."
            )
        made: Callable[..., Any] = found() if isinstance(found, type) else found
        return made

    def serialize(self, thing: Any) -> dict[str, Any]:
        """The object as the dict that Keras writes into a configuration; `get` reads it.

        Raises:
            TypeError: if it has no `get_config`.
        """
        from pyconv.saving.registration import get_registered_name  # noqa: PLC0415 - so that `import` stays light

        cls = type(thing)
        if isinstance(thing, type) or not hasattr(thing, "get_config"):
            raise TypeError(f"{self._module}.serialize: the object must have a configuration. Received: {thing!r}.")
        own = self._classes.get(cls.__name__) is not cls
        return {
            "module": cls.__module__ if own else f"keras.{self._module}",
            "class_name": cls.__name__,
            "config": thing.get_config(),
            "registered_name": get_registered_name(cls) if own else None,
        }

    def _described(self, description: Mapping[str, Any]) -> Callable[..., Any]:
        """The object with the class and configuration of a description."""
        from pyconv.saving.registration import get_registered_object  # noqa: PLC0415 - see serialize

        name, config = description.get("class_name", ""), description.get("config", {})
        if name == "function":  # which Keras describes by its name
            return self.get(config)
        registered = get_registered_object(description.get("registered_name")) or get_registered_object(name)
        cls = registered or self._named(name)
        made: Callable[..., Any] = cls.from_config(config) if hasattr(cls, "from_config") else cls(**config)
        return made

    def _named(self, name: str) -> Any:
        if name not in self._classes:
            raise ValueError(
                f"{self._module}.get: identifier must be one of {', '.join(self._names)}. Received: {name!r}."
            )
        return self._classes[name]
