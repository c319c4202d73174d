"""Conv1DTranspose: signals made longer. What it shares with other ranks is in base_conv_transpose.py."""

from __future__ import annotations

from pyconv.layers.base_conv_transpose import BaseConvTranspose


class Conv1DTranspose(BaseConvTranspose):
    """Transposed convolution of signals: each input adds its kernel to a window of the output.

    Args:
        filters: F, the number of filters and so of the output's channels.
        kernel_size: length of the window.
        strides: step from one window of the output to the next, likewise.
        padding: "valid", "same" (size * stride results an axis), or, beyond Keras, how many results are cut off:
            integers and pairs as in `Conv2D`.
        output_padding: how many more results an axis has at its end, less than strides; None for what padding says.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        dilation_rate: distance between the window's elements; 1 means dense. May be combined with strides.
        activation: as in `Conv2D`, like all that follow; but the kernel's shape ends with (F, C).

    Input shape:
        (N, L, C), or (N, C, L) with "channels_first".

    Output shape:
        (N, OL, F), or (N, F, OL); OL as in `Conv2DTranspose`.

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1, output_padding isn't less than strides, or the output would be empty.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Conv1DTranspose
    >>> Conv1DTranspose(8, 4, strides=2, padding="same")(np.zeros((4, 50, 2))).shape
    (4, 100, 8)
    """

    rank = 1
