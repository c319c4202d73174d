"""SeparableConv2D: depthwise, then pointwise convolution of images. The arguments are base_separable_conv.py's."""

from __future__ import annotations

from pyconv.layers.base_separable_conv import BaseSeparableConv


class SeparableConv2D(BaseSeparableConv):
    """Convolves every channel of an image by itself, then mixes the channels of each pixel.

    That takes far fewer products than `Conv2D`: MobileNet and Xception are built from it.

    Args:
        filters: F, the number of filters of the 1x1 part and so of the output's channels.
        kernel_size: size of the window, an integer or (height, width).
        strides: step of the window, likewise.
        padding: as in `Conv2D`.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        dilation_rate: distance between the window's elements; 1 means dense. May be combined with strides.
        depth_multiplier: M, how many filters each channel has in the depthwise part.
        activation: as in `Conv2D`, like all that follow; "depthwise" and "pointwise" stand for the two kernels.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        (N, OH, OW, F), or (N, F, OH, OW); OH as in `Conv2D`.

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1 or the output would be empty.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import SeparableConv2D
    >>> layer = SeparableConv2D(8, 3)
    >>> layer(np.zeros((4, 8, 8, 3))).shape
    (4, 6, 6, 8)
    >>> [weight.shape for weight in layer.weights]
    [(3, 3, 3, 1), (1, 1, 3, 8), (8,)]
    """

    rank = 2
