"""Half-precision and whole numbers for functions that know float32 and float64 alone. Registers no operator."""

from __future__ import annotations

import numpy as np

from pyconv.gradient import Array


def as_core_float(x: Array) -> Array:
    """The array as float32, or float64 if it is that: what the core computes with."""
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float32)


def as_dtype_of(y: Array, x: Array) -> Array:
    """The result in the dtype of x."""
    return y if y.dtype == x.dtype else y.astype(x.dtype)
