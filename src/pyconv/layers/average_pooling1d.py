"""AveragePooling1D: the mean of each window of signals. What it shares with other pools is in base_pooling.py."""

from __future__ import annotations

from pyconv.layers.base_pooling import BasePooling


class AveragePooling1D(BasePooling):
    """Takes the mean of each window, channel by channel. Padding is never counted.

    Args:
        pool_size: length of the window.
        strides: step of the window, likewise; None for pool_size.
        padding: "valid", "same", or integers and pairs as in `Conv2D`.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        name: the layer's name.
        **kwargs: dtype, trainable, input_shape.

    Input shape:
        (N, L, C), or (N, C, L) with "channels_first".

    Output shape:
        (N, OL, C), or (N, C, OL); OL = floor((L + pads - pool size) / stride) + 1.

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1 or the output would be empty.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import AveragePooling1D
    >>> x = np.arange(4.0).reshape(1, 4, 1)
    >>> AveragePooling1D(2)(x).ravel()
    array([0.5, 2.5], dtype=float32)
    """

    rank = 1
    operation = "average_pool"
