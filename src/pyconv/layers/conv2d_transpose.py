"""Conv2DTranspose: images made larger. What it shares with other ranks is in base_conv_transpose.py."""

from __future__ import annotations

from pyconv.layers.base_conv_transpose import BaseConvTranspose


class Conv2DTranspose(BaseConvTranspose):
    """Transposed convolution of images: each input adds its kernel to a window of the output.

    It goes the way of a convolution backwards: what `Conv2D` makes small it makes large again. Decoders use it.

    Args:
        filters: F, the number of filters and so of the output's channels.
        kernel_size: size of the window, an integer or (height, width).
        strides: step from one window of the output to the next, likewise.
        padding: "valid", "same" (size * stride results an axis), or, beyond Keras, how many results are cut off:
            integers and pairs as in `Conv2D`.
        output_padding: how many more results an axis has at its end, less than strides; None for what padding says.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        dilation_rate: distance between the window's elements; 1 means dense. May be combined with strides.
        activation: as in `Conv2D`, like all that follow; but the kernel's shape ends with (F, C).

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        (N, OH, OW, F), or (N, F, OH, OW). With k = (kernel height - 1) * dilation + 1, OH is (H - 1) * stride + max(k,
        stride) for "valid", H * stride for "same"; with output_padding (H - 1) * stride + k + output_padding for
        "valid", (H - 1) * stride + k % 2 + output_padding for "same".

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1, output_padding isn't less than strides, or the output would be empty.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Conv2DTranspose
    >>> layer = Conv2DTranspose(8, 3, strides=2, padding="same")
    >>> layer(np.zeros((4, 14, 14, 16))).shape
    (4, 28, 28, 8)
    >>> [weight.shape for weight in layer.weights]
    [(3, 3, 8, 16), (8,)]
    """

    rank = 2
