"""Products of matrices, or of stacks of them. With a single right-hand matrix it is the core's `dense`."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pyconv.gradient import Array, record
from pyconv.ops.arrays import as_floats
from pyconv.ops.conv import dense
from pyconv.ops.shapes import sum_to


def matmul(x1: ArrayLike, x2: ArrayLike) -> Array:
    """x1 @ x2: sums over the last axis of x1 and the last but one of x2, broadcast over the axes before.

    Args:
        x1: (..., M, K), or (K,).
        x2: (..., K, N), or (K,).

    Raises:
        ValueError: if the shapes don't fit each other.

    Example:
    >>> from pyconv import ops
    >>> ops.matmul([[1.0, 2.0]], [[3.0], [4.0]])
    array([[11.]], dtype=float32)
    """
    a, b = as_floats("matmul", x1=x1, x2=x2)
    if a.ndim > 1 and b.ndim == 2 and a.shape[-1] == b.shape[0] > 0 and b.shape[1] > 0:
        return dense(a, b)
    try:
        y = np.asarray(np.matmul(a, b))
    except ValueError:
        raise ValueError(
            "matmul: the last axis of x1 must be as long as the last but one of x2. "
            f"Received: x1.shape={a.shape}, x2.shape={b.shape}."
        ) from None
    # Vectors as matrices of one row or column, so that one formula serves.
    rows = a.reshape(1, -1) if a.ndim == 1 else a
    columns = b.reshape(-1, 1) if b.ndim == 1 else b

    def spread(dy: Array) -> Array:
        if a.ndim == 1:
            dy = np.expand_dims(dy, -1 if b.ndim == 1 else -2)
        return np.expand_dims(dy, -1) if b.ndim == 1 else dy

    record(
        y,
        (a, lambda dy: sum_to(spread(dy) @ np.swapaxes(columns, -1, -2), rows.shape).reshape(a.shape)),
        (b, lambda dy: sum_to(np.swapaxes(rows, -1, -2) @ spread(dy), columns.shape).reshape(b.shape)),
    )
    return y
