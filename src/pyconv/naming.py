"""Names for layers and models that were given none: conv2d, conv2d_1, ... as Keras counts. Knows no layer."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import count

_WORD_START = re.compile(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])")
_counters: defaultdict[str, count[int]] = defaultdict(count)


def snake_case(class_name: str) -> str:
    """A class name the way Keras writes it in layer names and weight files.

    Example:
    >>> [snake_case(name) for name in ("Conv2D", "MaxPooling2D", "ReLU", "Conv2DTranspose")]
    ['conv2d', 'max_pooling2d', 're_lu', 'conv2d_transpose']
    """
    return _WORD_START.sub("_", class_name).lower()


def start_anew() -> None:
    """Forgets the names that were given."""
    _counters.clear()


def unique_name(class_name: str) -> str:
    """The next free name for an object of this class in this process."""
    base = snake_case(class_name)
    number = next(_counters[base])
    return f"{base}_{number}" if number else base
