"""One object in several places of a description, a layer of two models say: described, and made again, as one."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any


class _Scope(threading.local):
    descriptions: dict[int, dict[str, Any]] | None = None  # of what has been described, by its id
    made: dict[Any, Any] | None = None  # what has been made, by the number or the content of its description


_scope = _Scope()


@contextlib.contextmanager
def shared_objects() -> Iterator[None]:
    """Within the `with` block an object keeps its identity."""
    before = _scope.descriptions, _scope.made
    _scope.descriptions, _scope.made = {}, {}
    try:
        yield
    finally:
        _scope.descriptions, _scope.made = before


def note_description(thing: Any, description: dict[str, Any]) -> None:
    """Numbers the descriptions of an object that has another already."""
    if _scope.descriptions is not None:
        first = _scope.descriptions.setdefault(id(thing), description)
        if first is not description:
            description["shared_object_id"] = first["shared_object_id"] = id(thing)


def made_before(description: Mapping[str, Any]) -> Any:
    """What has been made of an object's description, None if nothing. Keras forgets to number the first, as a rule."""
    number = description.get("shared_object_id")
    if number is None or _scope.made is None:
        return None
    found = _scope.made.get(number)
    return _scope.made.get(_content(description)) if found is None else found


def note_made(thing: Any, description: Mapping[str, Any]) -> None:
    """Remembers what a description became."""
    if _scope.made is not None:
        _scope.made[description.get("shared_object_id", _content(description))] = thing


def _content(description: Mapping[str, Any]) -> str:
    """A description without what depends on its place, as text."""
    parts = (description.get(key) for key in ("class_name", "registered_name", "config"))
    return json.dumps([_without_numbers(part) for part in parts], sort_keys=True)


def _without_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_numbers(item) for key, item in value.items() if key != "shared_object_id"}
    return [_without_numbers(item) for item in value] if isinstance(value, list | tuple) else value
