"""ZeroPadding2D: zeros round images. Other borders are `pyconv.ops.pad`'s."""

from __future__ import annotations

from pyconv.layers.base_padding import BaseZeroPadding


class ZeroPadding2D(BaseZeroPadding):
    """Puts zeros round images.

    Args:
        padding: an integer for all four sides, (rows, columns), or ((top, bottom), (left, right)).
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        (N, top + H + bottom, left + W + right, C), or (N, C, ...).

    Raises:
        TypeError: if padding doesn't consist of integers.
        ValueError: if it has another form or is negative.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import ZeroPadding2D
    >>> ZeroPadding2D(((1, 0), (2, 0)))(np.ones((1, 1, 1, 1))).reshape(2, 3)
    array([[0., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """

    rank = 2
