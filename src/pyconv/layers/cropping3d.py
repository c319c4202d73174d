"""Cropping3D: volumes without their borders."""

from __future__ import annotations

from typing import Any

from pyconv.layers.base_padding import BaseCropping


class Cropping3D(BaseCropping):
    """Cuts the borders of volumes off.

    Args:
        cropping: an integer for all six sides, one for each axis, or a (before, after) pair for each axis.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, D, H, W, C), or (N, C, D, H, W) with "channels_first".

    Output shape:
        (N, D - before - after, H - ..., W - ..., C), or (N, C, ...).

    Raises:
        TypeError: if cropping doesn't consist of integers.
        ValueError: if it has another form, is negative, or nothing would be left.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Cropping3D
    >>> Cropping3D((1, 2, 0))(np.zeros((1, 4, 6, 5, 3))).shape
    (1, 2, 2, 5, 3)
    """

    rank = 3

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)
