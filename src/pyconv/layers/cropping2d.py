"""Cropping2D: images without their borders."""

from __future__ import annotations

from typing import Any

from pyconv.layers.base_padding import BaseCropping


class Cropping2D(BaseCropping):
    """Cuts the borders of images off.

    Args:
        cropping: an integer for all four sides, (rows, columns), or ((top, bottom), (left, right)).
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        (N, H - top - bottom, W - left - right, C), or (N, C, ...).

    Raises:
        TypeError: if cropping doesn't consist of integers.
        ValueError: if it has another form, is negative, or nothing would be left.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Cropping2D
    >>> Cropping2D(((1, 0), (0, 2)))(np.zeros((1, 5, 5, 3))).shape
    (1, 4, 3, 3)
    """

    rank = 2

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)
