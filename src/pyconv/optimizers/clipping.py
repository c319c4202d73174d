"""Gradients made shorter. New arrays where something changes, the given ones where nothing does."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pyconv.gradient import Array


def by_norm(gradient: Array, limit: float) -> Array:
    """The gradient scaled to the Euclidean norm `limit` if it is longer.

    Example:
    >>> by_norm(np.array([3.0, 4.0]), 1.0)
    array([0.6, 0.8])
    """
    norm = math.sqrt(_sum_of_squares(gradient))
    return gradient if norm <= limit else gradient * (limit / norm)


def by_global_norm(gradients: Sequence[Array], limit: float) -> list[Array]:
    """All gradients scaled alike, so that the Euclidean norm of all numbers together is at most `limit`.

    A NaN or infinity anywhere makes all of them NaN: there is no direction left to go.
    """
    norm = math.sqrt(sum(_sum_of_squares(gradient) for gradient in gradients))
    if norm <= limit:
        return list(gradients)
    scale = limit / norm if math.isfinite(norm) else math.nan
    return [gradient * scale for gradient in gradients]


def _sum_of_squares(gradient: Array) -> float:
    # In float64: the squares of a large kernel's gradient are many small numbers. vdot takes no copy of them.
    flat = gradient.ravel()
    return float(np.vdot(flat, flat)) if flat.dtype == np.float64 else float(np.square(flat, dtype=np.float64).sum())
