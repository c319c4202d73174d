"""SeparableConv1D: depthwise, then pointwise convolution of signals. The arguments are base_separable_conv.py's."""

from __future__ import annotations

from pyconv.layers.base_separable_conv import BaseSeparableConv


class SeparableConv1D(BaseSeparableConv):
    """Convolves every channel of a signal by itself, then mixes the channels at each place.

    Args:
        filters: F, the number of filters of the 1x1 part and so of the output's channels.
        kernel_size: length of the window.
        strides: step of the window, likewise.
        padding: as in `Conv2D`.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        dilation_rate: distance between the window's elements; 1 means dense. May be combined with strides.
        depth_multiplier: M, how many filters each channel has in the depthwise part.
        activation: as in `Conv2D`, like all that follow; "depthwise" and "pointwise" stand for the two kernels.

    Input shape:
        (N, L, C), or (N, C, L) with "channels_first".

    Output shape:
        (N, OL, F), or (N, F, OL); OL as in `Conv1D`.

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1 or the output would be empty.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import SeparableConv1D
    >>> SeparableConv1D(8, 3)(np.zeros((4, 50, 3))).shape
    (4, 48, 8)
    """

    rank = 1
