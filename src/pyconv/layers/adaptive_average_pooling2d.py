"""AdaptiveAveragePooling2D: the mean of a given number of windows. The rest is in base_adaptive_pooling.py."""

from __future__ import annotations

from pyconv.layers.base_adaptive_pooling import BaseAdaptivePooling


class AdaptiveAveragePooling2D(BaseAdaptivePooling):
    """Takes the mean of each of output_size windows, which cover images of any size.

    Window i of o along an axis of size n reaches from floor(i * n / o) to before ceil((i + 1) * n / o).

    Args:
        output_size: how many windows, an integer or (height, width).
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        (N, OH, OW, C), or (N, C, OH, OW) with the output_size asked for.

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1, or there is nothing along an axis.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import AdaptiveAveragePooling2D
    >>> AdaptiveAveragePooling2D(2)(np.zeros((1, 7, 5, 3))).shape
    (1, 2, 2, 3)
    """

    rank = 2
    operation = "adaptive_average_pool"
