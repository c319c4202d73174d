"""Conv3DTranspose: volumes made larger. What it shares with other ranks is in base_conv_transpose.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconv.gradient import Array
from pyconv.layers.base_conv_transpose import BaseConvTranspose


class Conv3DTranspose(BaseConvTranspose):
    """Transposed convolution of volumes: each input adds its kernel to a window of the output.

    Args:
        filters: F, the number of filters and so of the output's channels.
        kernel_size: size of the window, an integer or (depth, height, width).
        strides: step from one window of the output to the next, likewise.
        padding: "valid", "same" (size * stride results an axis), or, beyond Keras, how many results are cut off:
            integers and pairs as in `Conv2D`.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        output_padding: how many more results an axis has at its end, less than strides; None for what padding says.
        dilation_rate: distance between the window's elements; 1 means dense. May be combined with strides.
        activation: as in `Conv2D`, like all that follow; but the kernel's shape ends with (F, C).

    Input shape:
        (N, D, H, W, C), or (N, C, D, H, W) with "channels_first".

    Output shape:
        (N, OD, OH, OW, F), or (N, F, OD, OH, OW); the sizes as in `Conv2DTranspose`.

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1, output_padding isn't less than strides, or the output would be empty.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Conv3DTranspose
    >>> Conv3DTranspose(8, 3, strides=2, padding="same")(np.zeros((1, 3, 4, 5, 2))).shape
    (1, 6, 8, 10, 8)
    """

    rank = 3

    # In Keras data_format comes before output_padding here, and here alone.
    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = 1,
        activation: str | Callable[..., Array] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )
