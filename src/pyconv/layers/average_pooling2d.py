"""AveragePooling2D: the mean of each window of images. What it shares with other pools is in base_pooling.py."""

from __future__ import annotations

from pyconv.layers.base_pooling import BasePooling


class AveragePooling2D(BasePooling):
    """Takes the mean of each window, channel by channel. Padding is never counted.

    Args:
        pool_size: size of the window, an integer or (height, width).
        strides: step of the window, likewise; None for pool_size.
        padding: "valid", "same", or integers and pairs as in `Conv2D`.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        name: the layer's name.
        **kwargs: dtype, trainable, input_shape.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        (N, OH, OW, C), or (N, C, OH, OW); OH = floor((H + pads - pool size) / stride) + 1.

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1 or the output would be empty.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import AveragePooling2D
    >>> x = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> AveragePooling2D(2)(x).reshape(2, 2)
    array([[ 2.5,  4.5],
           [10.5, 12.5]], dtype=float32)
    """

    rank = 2
    operation = "average_pool"
