"""DepthwiseConv1D: each channel of a signal convolved by itself. The arguments are base_depthwise_conv.py's."""

from __future__ import annotations

from pyconv.layers.base_depthwise_conv import BaseDepthwiseConv


class DepthwiseConv1D(BaseDepthwiseConv):
    """Convolves every channel of a signal by itself.

    Args:
        kernel_size: length of the window.
        strides: step of the window, likewise.
        padding: as in `Conv2D`.
        depth_multiplier: M, how many filters each channel has; filter m of channel c is output channel c * M + m.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        dilation_rate: distance between the window's elements; 1 means dense. May be combined with strides.
        activation: as in `Conv2D`, like all that follow; "depthwise" stands for the kernel, of shape (..., C, M).

    Input shape:
        (N, L, C), or (N, C, L) with "channels_first".

    Output shape:
        (N, OL, C * M), or (N, C * M, OL); OL as in `Conv1D`.

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1 or the output would be empty.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import DepthwiseConv1D
    >>> DepthwiseConv1D(3, depth_multiplier=2)(np.zeros((4, 50, 3))).shape
    (4, 48, 6)
    """

    rank = 1
