"""Memory for results. No arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyconv import _core


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An uninitialised array of float32 or float64, in the core's memory where it keeps some for results to come.

    Example:
    >>> import numpy as np
    >>> from pyconv.results import empty
    >>> empty((2, 3), np.dtype(np.float32)).shape
    (2, 3)
    """
    if math.prod(shape) * dtype.itemsize < _core.min_result_bytes:
        return np.empty(shape, dtype)
    name: Any = dtype.name  # the core refuses others
    return _core.empty(name, shape)
