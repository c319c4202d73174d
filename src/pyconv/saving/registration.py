"""Classes and functions of one's own that a configuration may name. Nothing is ever imported because a file says so."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

_registered: dict[str, Any] = {}


class _Scopes(threading.local):
    innermost: Mapping[str, Any] = {}  # what the scopes open in this thread name, all together


_scopes = _Scopes()


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """A decorator that makes a class or function known to configurations as "package>name".

    Args:
        package: the name's first part.
        name: its second part, by default that of the class or function.

    Raises:
        ValueError: if a class has no `get_config`, or the name is taken by another.

    Example:
    >>> import pyconv
    >>> @pyconv.saving.register_keras_serializable(package="demo")
    ... class Twice(pyconv.layers.Layer):
    ...     def call(self, x):
    ...         return x * 2
    >>> model = pyconv.Sequential([pyconv.Input((3,)), Twice()])
    >>> pyconv.models.model_from_json(model.to_json()).layers[0].__class__.__name__
    'Twice'
    """

    def decorator(thing: T) -> T:
        full = f"{package}>{name or getattr(thing, '__name__', '')}"
        if isinstance(thing, type) and not hasattr(thing, "get_config"):
            raise ValueError(
                "register_keras_serializable: Cannot register a class that does not have a get_config() method. "
                f"Received: {thing!r}."
            )
        _registered[full] = thing
        return thing

    return decorator


@contextlib.contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any]) -> Iterator[None]:
    """Within the `with` block, configurations may name what the dictionary holds."""
    outer = _scopes.innermost
    _scopes.innermost = {**outer, **custom_objects}
    try:
        yield
    finally:
        _scopes.innermost = outer


CustomObjectScope = custom_object_scope


def get_custom_objects() -> dict[str, Any]:
    """The registered classes and functions themselves: what is put in is known from then on."""
    return _registered


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function was registered, else its own."""
    for name, thing in _registered.items():
        if thing is obj:
            return name
    own: str = obj.__name__
    return own


def get_registered_object(name: str | None, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """What is known by this name, None if nothing is."""
    if name is None:
        return None
    for known in (custom_objects or {}, _scopes.innermost, _registered):
        if name in known:
            return known[name]
    return None
