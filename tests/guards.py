"""Arrays between sentinels, so that a write beyond either end shows. Reads beyond the ends are the sanitizers' work."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]
SENTINEL = -12345.0
MARGIN = 64  # elements: four times the widest vector of any instruction set


class Guarded:
    """A copy of an array in the middle of a larger buffer; aligned to its elements only, as a caller's may be."""

    def __init__(self, array: Array) -> None:
        self._buffer = np.full(array.size + 2 * MARGIN + 1, SENTINEL, array.dtype)
        # One element off: a plan must not count on more alignment than NumPy promises.
        self._start = MARGIN + 1
        self.array = self._buffer[self._start : self._start + array.size].reshape(array.shape)
        self.array[...] = array

    def check(self) -> None:
        edges = self._buffer[: self._start], self._buffer[self._start + self.array.size :]
        assert all((edge == SENTINEL).all() for edge in edges), "written beyond an end of the array"


def blank(shape: tuple[int, ...], dtype: DTypeLike) -> Guarded:
    """An output before the run: NaN, so that an element never written, or added to, shows."""
    return Guarded(np.full(shape, np.nan, dtype))
