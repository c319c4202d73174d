"""MaxPooling3D: the largest value of each window of volumes. What it shares with other pools is in base_pooling.py."""

from __future__ import annotations

from pyconv.layers.base_pooling import BaseMaxPooling


class MaxPooling3D(BaseMaxPooling):
    """Takes the largest value of each window, channel by channel. A NaN in a window is its result.

    Args:
        pool_size: size of the window, an integer or (depth, height, width).
        strides: step of the window, likewise; None for pool_size.
        padding: "valid", "same", or integers and pairs as in `Conv2D`; what is padded never wins.
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
    >>> from pyconv.layers import MaxPooling3D
    >>> x = np.arange(8.0).reshape(1, 2, 2, 2, 1)
    >>> MaxPooling3D(2)(x).ravel()
    array([7.], dtype=float32)
    """

    rank = 3
