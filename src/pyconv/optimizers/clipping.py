"""Factors that make gradients shorter. The steps of optimizers multiply by them: no gradient is changed here."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pyconv import _core
from pyconv.gradient import Array
from pyconv.ops.arrays import contiguous


def by_norm(gradient: Array, limit: float) -> float:
    """The factor that gives a gradient the Euclidean norm `limit` if it is longer, else 1.

    Example:
    >>> import numpy as np
    >>> by_norm(np.array([3.0, 4.0]), 1.0)
    0.2
    """
    norm = math.sqrt(_sum_of_squares(gradient))
    return 1.0 if norm <= limit else limit / norm


def by_global_norm(gradients: Sequence[Array], limit: float) -> float:
    """The factor for all gradients, so that the Euclidean norm of all numbers together is at most `limit`.

    NaN where a number is NaN or infinite: there is no direction left to go.
    """
    norm = math.sqrt(sum(_sum_of_squares(gradient) for gradient in gradients))
    if norm <= limit:
        return 1.0
    return limit / norm if math.isfinite(norm) else math.nan


def _sum_of_squares(gradient: Array) -> float:
    return _core.sum_of_squares(contiguous(gradient))
