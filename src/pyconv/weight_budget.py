"""What a model being read from a file may take: its weights are zeros at first, and no more than the file can fill.

A configuration of a hundred bytes may ask for a layer of a terabyte. Without a budget, as everywhere else, nothing here
has any effect.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Shapes of operations' results are found by trying them on arrays of ones. 64 MB as float32: the feature maps of VGG16
# at their largest are 3 million numbers.
_MOST_TRIED = 1 << 24


class _Budget(threading.local):
    left: int | None = None


_budget = _Budget()


@contextlib.contextmanager
def of(count: int) -> Iterator[None]:
    """Within the `with` block layers make weights of zeros, `count` numbers in all."""
    outer, _budget.left = _budget.left, count
    try:
        yield
    finally:
        _budget.left = outer


def zeros(shape: Sequence[int], dtype: Any) -> NDArray[Any] | None:
    """A new weight's value, None where there is no budget and so it is for the initializer to say.

    Raises:
        ValueError: if the budget doesn't suffice.
    """
    if _budget.left is None:
        return None
    count = math.prod(shape)
    if count > _budget.left:
        raise ValueError(
            f"the layers need more weights than the file holds: there are {_budget.left} numbers left for one of shape "
            f"{tuple(shape)}."
        )
    _budget.left -= count
    return np.zeros(shape, dtype)


def check_trial(shapes: Iterable[Sequence[int | None]], factor: int = 1) -> None:
    """Raises ValueError if arrays of these shapes, made `factor` times as large, are too large to try something on."""
    if _budget.left is None:
        return
    tried = sum(math.prod(size or 1 for size in shape) for shape in shapes) * factor
    if tried > _MOST_TRIED:
        raise ValueError(f"an operation of the file needs {tried} numbers for one sample, of {_MOST_TRIED} at most.")
