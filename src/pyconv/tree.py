"""Nested lists, tuples and dictionaries, with the words of `keras.tree`. Everything else is a leaf, arrays too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

__all__ = ["flatten", "map_structure", "pack_sequence_as"]


def flatten(structure: Any) -> list[Any]:
    """The leaves in order, those of a dictionary by its sorted keys.

    Example:
    >>> from pyconv import tree
    >>> tree.flatten({"b": [1, (2,)], "a": 3})
    [3, 1, 2]
    """
    if isinstance(structure, dict):
        return [leaf for key in sorted(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, list | tuple):
        return [leaf for item in structure for leaf in flatten(item)]
    return [structure]


def map_structure(function: Callable[[Any], Any], structure: Any) -> Any:
    """The same structure with the function applied to each leaf.

    Example:
    >>> from pyconv import tree
    >>> tree.map_structure(abs, {"b": [-1, (2,)], "a": -3})
    {'b': [1, (2,)], 'a': 3}
    """
    if isinstance(structure, dict):
        return {key: map_structure(function, value) for key, value in structure.items()}
    if isinstance(structure, list | tuple):
        return type(structure)([map_structure(function, item) for item in structure])
    return function(structure)


def pack_sequence_as(structure: Any, flat_sequence: Iterable[Any]) -> Any:
    """A structure like the given one, with other leaves, in the order that `flatten` gives.

    Example:
    >>> from pyconv import tree
    >>> tree.pack_sequence_as({"b": [0, (0,)], "a": 0}, [3, 1, 2])
    {'a': 3, 'b': [1, (2,)]}
    """
    return _pack(structure, iter(flat_sequence))


def _pack(structure: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(structure, dict):
        return {key: _pack(structure[key], leaves) for key in sorted(structure)}
    if isinstance(structure, list | tuple):
        return type(structure)([_pack(item, leaves) for item in structure])
    return next(leaves)
