"""Conv1D: the convolution of signals. What it shares with other ranks is in base_conv.py."""

from __future__ import annotations

from pyconv.layers.base_conv import BaseConv


class Conv1D(BaseConv):
    """Convolves signals, time series say, with a learnt kernel for each filter.

    Args:
        filters: F, the number of filters and so of the output's channels.
        kernel_size: length of the window.
        strides: step of the window.
        padding: as in `Conv2D`, or "causal": (kernel_size - 1) * dilation_rate zeros in front and none behind, so
            that no result depends on what comes after it.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        dilation_rate: distance between the window's elements; 1 means dense. May be combined with strides.
        groups: as in `Conv2D`, like all that follow.

    Input shape:
        (N, L, C), or (N, C, L) with "channels_first".

    Output shape:
        (N, OL, F), or (N, F, OL); OL = floor((L + pads - (kernel_size - 1) * dilation - 1) / stride) + 1.

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1, groups divides filters or channels with a rest, or the output would be
            empty.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Conv1D
    >>> Conv1D(8, 3, padding="causal", dilation_rate=2)(np.zeros((4, 100, 2))).shape
    (4, 100, 8)
    """

    rank = 1
