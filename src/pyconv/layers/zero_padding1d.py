"""ZeroPadding1D: zeros round signals. Other borders are `pyconv.ops.pad`'s."""

from __future__ import annotations

from pyconv.layers.base_padding import BaseZeroPadding


class ZeroPadding1D(BaseZeroPadding):
    """Puts zeros round signals.

    Args:
        padding: an integer for both ends, or (before, after).
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, L, C), or (N, C, L) with "channels_first".

    Output shape:
        (N, before + L + after, C), or (N, C, ...).

    Raises:
        TypeError: if padding doesn't consist of integers.
        ValueError: if it has another form or is negative.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import ZeroPadding1D
    >>> ZeroPadding1D((1, 2))(np.ones((1, 2, 1))).ravel()
    array([0., 1., 1., 0., 0.], dtype=float32)
    """

    rank = 1
