"""Conv2D: the convolution of images. What it shares with other ranks is in base_conv.py."""

from __future__ import annotations

from pyconv.layers.base_conv import BaseConv


class Conv2D(BaseConv):
    """Convolves images with a learnt kernel for each filter: y = activation(sum over window and channels + bias).

    As everywhere in deep learning this is a cross-correlation: the kernel isn't flipped.

    Args:
        filters: F, the number of filters and so of the output's channels.
        kernel_size: size of the window, an integer or (height, width).
        strides: step of the window, an integer or a pair.
        padding: "valid" (none), "same" (ceil(size / stride) results an axis, an odd zero goes to the end), or,
            beyond Keras, the zeros themselves: an integer, or for each axis an integer or a (before, after) pair.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        dilation_rate: distance between the window's elements, an integer or a pair; 1 means dense. May be
            combined with strides.
        groups: the channels are cut into so many groups, each convolved with its own filters / groups filters.
        activation: name or function applied to the result; None for none.
        use_bias: whether each filter adds a learnt number.
        kernel_initializer: initial kernel, of shape (height, width, C / groups, F).
        bias_initializer: initial bias, of shape (F,).
        kernel_regularizer: what training adds to the loss for the kernel, see `pyconv.regularizers`; None for nothing.
        bias_regularizer: the same for the bias.
        activity_regularizer: the same for the result.
        kernel_constraint: what becomes of the kernel after each step, see `pyconv.constraints`; None for no change.
        bias_constraint: the same for the bias.
        **kwargs: name, dtype, trainable, and input_shape=(H, W, C) in a model's first layer.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        (N, OH, OW, F), or (N, F, OH, OW); OH = floor((H + pads - (KH - 1) * dilation - 1) / stride) + 1.

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1, groups divides filters or channels with a rest, or the output
            would be empty.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Conv2D
    >>> layer = Conv2D(8, 3, strides=2, padding="same", activation="relu")
    >>> layer(np.zeros((4, 28, 28, 1))).shape
    (4, 14, 14, 8)
    >>> [weight.shape for weight in layer.weights]
    [(3, 3, 1, 8), (8,)]
    """

    rank = 2
