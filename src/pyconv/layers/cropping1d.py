"""Cropping1D: signals without their borders."""

from __future__ import annotations

from typing import Any

from pyconv.layers.base_padding import BaseCropping


class Cropping1D(BaseCropping):
    """Cuts the borders of signals off.

    Args:
        cropping: an integer for both ends, or (before, after).
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, L, C)

    Output shape:
        (N, L - before - after, C)

    Raises:
        TypeError: if cropping doesn't consist of integers.
        ValueError: if it has another form, is negative, or nothing would be left.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Cropping1D
    >>> Cropping1D((1, 2))(np.arange(6.0).reshape(1, 6, 1)).ravel()
    array([1., 2., 3.], dtype=float32)
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(cropping, "channels_last", **kwargs)
