"""GlobalAveragePooling3D: the mean of each channel of volumes. The rest is in base_global_pooling.py."""

from __future__ import annotations

from pyconv.layers.base_global_pooling import BaseGlobalPooling


class GlobalAveragePooling3D(BaseGlobalPooling):
    """Takes the mean of each channel over all pixels.

    Args:
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        keepdims: whether the axes that are pooled over stay, with size one.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, D, H, W, C), or (N, C, D, H, W) with "channels_first".

    Output shape:
        (N, C); with keepdims (N, 1, 1, 1, C), or (N, C, 1, 1, 1) with "channels_first".

    Raises:
        ValueError: if data_format is another, or there is nothing along an axis.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import GlobalAveragePooling3D
    >>> GlobalAveragePooling3D()(np.arange(16.0).reshape(1, 2, 2, 2, 2))
    array([[7., 8.]], dtype=float32)
    """

    rank = 3
    operation = "mean"
