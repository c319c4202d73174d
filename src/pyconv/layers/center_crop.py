"""CenterCrop: the middle of images."""

from __future__ import annotations

from typing import Any

from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_resizing import BaseResizing


class CenterCrop(BaseResizing):
    """Cuts height x width pixels out of the middle of images, in training and afterwards.

    Of an image that is smaller the largest part with these proportions is taken, and resized bilinearly.

    Args:
        height: the rows of the result.
        width: its columns.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        (N, height, width, C), or (N, C, height, width).

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1, or images have no pixels.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import CenterCrop
    >>> CenterCrop(1, 3)(np.arange(5.0).reshape(1, 1, 5, 1)).ravel()
    array([1., 2., 3.], dtype=float32)
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.keep_size(height, width)

    def call(self, x: Array) -> Array:
        self.compute_output_shape(x.shape)
        down, right = self.room(x)
        if down >= 0 and right >= 0:
            return self.window(x, down // 2, right // 2)
        return self.resized(self.largest_window(x))
