"""Conv3D: the convolution of volumes. What it shares with other ranks is in base_conv.py."""

from __future__ import annotations

from pyconv.layers.base_conv import BaseConv


class Conv3D(BaseConv):
    """Convolves volumes, or images over time, with a learnt kernel for each filter.

    Args:
        filters: F, the number of filters and so of the output's channels.
        kernel_size: size of the window, an integer or (depth, height, width).
        strides: step of the window, likewise.
        padding: as in `Conv2D`, like all that follow.

    Input shape:
        (N, D, H, W, C), or (N, C, D, H, W) with "channels_first".

    Output shape:
        (N, OD, OH, OW, F), or (N, F, OD, OH, OW).

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1, groups divides filters or channels with a rest, or the output would be
            empty.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Conv3D
    >>> Conv3D(8, 3, padding="same")(np.zeros((1, 6, 7, 8, 2))).shape
    (1, 6, 7, 8, 8)
    """

    rank = 3
