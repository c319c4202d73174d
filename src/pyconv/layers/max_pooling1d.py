"""MaxPooling1D: the largest value of each window of signals. What it shares with other pools is in base_pooling.py."""

from __future__ import annotations

from pyconv.layers.base_pooling import BaseMaxPooling


class MaxPooling1D(BaseMaxPooling):
    """Takes the largest value of each window, channel by channel. A NaN in a window is its result.

    Args:
        pool_size: length of the window.
        strides: step of the window, likewise; None for pool_size.
        padding: "valid", "same", or integers and pairs as in `Conv2D`; what is padded never wins.
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
    >>> from pyconv.layers import MaxPooling1D
    >>> x = np.arange(4.0).reshape(1, 4, 1)
    >>> MaxPooling1D(2)(x).ravel()
    array([1., 3.], dtype=float32)
    """

    rank = 1
