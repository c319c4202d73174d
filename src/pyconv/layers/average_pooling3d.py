"""AveragePooling3D: the mean of each window of volumes. What it shares with other pools is in base_pooling.py."""

from __future__ import annotations

from pyconv.layers.base_pooling import BasePooling


class AveragePooling3D(BasePooling):
    """Takes the mean of each window, channel by channel. Padding is never counted.

    Args:
        pool_size: size of the window, an integer or (depth, height, width).
        strides: step of the window, likewise; None for pool_size.
        padding: "valid", "same", or integers and pairs as in `Conv2D`.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        name: the layer's name.
        **kwargs: dtype, trainable, input_shape.

    Input shape:
        (N, D, H, W, C), or (N, C, D, H, W) with "channels_first".

    Output shape:
        (N, OD, OH, OW, C), or (N, C, OD, OH, OW); OD = floor((D + pads - pool size) / stride) + 1.

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1 or the output would be empty.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import AveragePooling3D
    >>> x = np.arange(8.0).reshape(1, 2, 2, 2, 1)
    >>> AveragePooling3D(2)(x).ravel()
    array([3.5], dtype=float32)
    """

    rank = 3
    operation = "average_pool"
