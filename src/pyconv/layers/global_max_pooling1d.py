"""GlobalMaxPooling1D: the largest value of each channel of signals. The rest is in base_global_pooling.py."""

from __future__ import annotations

from pyconv.layers.base_global_pooling import BaseGlobalPooling


class GlobalMaxPooling1D(BaseGlobalPooling):
    """Takes the largest value of each channel over all steps.

    Args:
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        keepdims: whether the axes that are pooled over stay, with size one.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, L, C), or (N, C, L) with "channels_first".

    Output shape:
        (N, C); with keepdims (N, 1, C), or (N, C, 1) with "channels_first".

    Raises:
        ValueError: if data_format is another, or there is nothing along an axis.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import GlobalMaxPooling1D
    >>> GlobalMaxPooling1D()(np.arange(8.0).reshape(1, 4, 2))
    array([[6., 7.]], dtype=float32)
    """

    rank = 1
    operation = "max"
