"""ZeroPadding3D: zeros round volumes. Other borders are `pyconv.ops.pad`'s."""

from __future__ import annotations

from pyconv.layers.base_padding import BaseZeroPadding


class ZeroPadding3D(BaseZeroPadding):
    """Puts zeros round volumes.

    Args:
        padding: an integer for all six sides, one for each axis, or a (before, after) pair for each axis.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, D, H, W, C), or (N, C, D, H, W) with "channels_first".

    Output shape:
        (N, D + before + after, H + ..., W + ..., C), or (N, C, ...).

    Raises:
        TypeError: if padding doesn't consist of integers.
        ValueError: if it has another form or is negative.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import ZeroPadding3D
    >>> ZeroPadding3D((1, 2, 0))(np.ones((1, 4, 4, 4, 3))).shape
    (1, 6, 8, 4, 3)
    """

    rank = 3
