"""DepthwiseConv2D: each channel of an image convolved by itself. The arguments are base_depthwise_conv.py's."""

from __future__ import annotations

from pyconv.layers.base_depthwise_conv import BaseDepthwiseConv


class DepthwiseConv2D(BaseDepthwiseConv):
    """Convolves every channel of an image by itself.

    Args:
        kernel_size: size of the window, an integer or (height, width).
        strides: step of the window, likewise.
        padding: as in `Conv2D`.
        depth_multiplier: M, how many filters each channel has; filter m of channel c is output channel c * M + m.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        dilation_rate: distance between the window's elements; 1 means dense. May be combined with strides.
        activation: as in `Conv2D`, like all that follow; "depthwise" stands for the kernel, of shape (..., C, M).

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        (N, OH, OW, C * M), or (N, C * M, OH, OW); OH as in `Conv2D`.

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1 or the output would be empty.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import DepthwiseConv2D
    >>> layer = DepthwiseConv2D(3, padding="same", depth_multiplier=2)
    >>> layer(np.zeros((4, 8, 8, 3))).shape
    (4, 8, 8, 6)
    >>> [weight.shape for weight in layer.weights]
    [(3, 3, 3, 2), (6,)]
    """

    rank = 2
