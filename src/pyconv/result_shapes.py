"""Shapes of operations' results that need no trial: those of two arguments, by NumPy's rules. None is any size.

Other operations are tried on arrays of ones, see symbolic.py; `growth` says how much larger their results may be.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

Shape = tuple[int | None, ...]

_BROADCASTING = frozenset({"add", "subtract", "multiply", "divide", "true_divide", "power", "maximum", "minimum"})
# Settings that make a result larger than what went in.
_ENLARGING = frozenset({"pad_width", "padding", "repeats", "output_size"})


def broadcast(op: str, one: Shape, other: Shape) -> Shape:
    """The shape of a sum of two arrays; `op` is who asks, for errors.

    Raises:
        ValueError: if they have different sizes, neither of them 1, along an axis.

    Example:
    >>> from pyconv.result_shapes import broadcast
    >>> broadcast("add", (None, 5, 1), (4,))
    (None, 5, 4)
    """
    sizes: list[int | None] = []
    for a, b in zip_longest(reversed(one), reversed(other), fillvalue=1):
        if a != b and 1 not in (a, b) and None not in (a, b):
            raise ValueError(f"{op}: x1 and x2 must broadcast. Received: x1.shape={one}, x2.shape={other}.")
        # What isn't 1 decides; where both are unknown, or one may be 1, so is the result.
        sizes.append(b if a in (1, None) and b != 1 else a)
    return tuple(reversed(sizes))


def of_two(name: str, args: Sequence[Any]) -> Shape | None:
    """The shape of an operation's result from its arguments, None if it takes a trial to know."""
    if len(args) != 2 or any(isinstance(value, np.ndarray) for value in args):  # an array's dtype may matter
        return None
    one, other = (tuple(getattr(value, "shape", None) or np.shape(value)) for value in args)
    if name in _BROADCASTING:
        return broadcast(name, one, other)
    if name == "matmul" and len(one) >= 2 and len(other) >= 2 and one[-1] == other[-2]:
        return (*broadcast(name, one[:-2], other[:-2]), one[-2], other[-1])
    return None


def growth(args: Sequence[Any], settings: Mapping[str, Any]) -> int:
    """How many times as large as its input an operation's result may be, at most."""
    numbers = [abs(number) + 1 for name in _ENLARGING & settings.keys() for number in _integers(settings[name])]
    lengths = [len(item) for value in args if isinstance(value, list | tuple) for item in _lists(value)]
    return math.prod(numbers) * math.prod(lengths)


def _integers(value: Any) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _integers(item)


def _lists(value: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Lists of numbers, as x[[0, 1]] may have, alone or among the parts of a key."""
    if value and all(isinstance(item, int) for item in value):
        yield value
    for item in value:
        if isinstance(item, list | tuple):
            yield from _lists(item)
