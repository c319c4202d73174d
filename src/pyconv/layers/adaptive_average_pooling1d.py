"""AdaptiveAveragePooling1D: the mean of a given number of windows. The rest is in base_adaptive_pooling.py."""

from __future__ import annotations

from pyconv.layers.base_adaptive_pooling import BaseAdaptivePooling


class AdaptiveAveragePooling1D(BaseAdaptivePooling):
    """Takes the mean of each of output_size windows, which cover signals of any size.

    Window i of o along an axis of size n reaches from floor(i * n / o) to before ceil((i + 1) * n / o).

    Args:
        output_size: how many windows, an integer.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, L, C), or (N, C, L) with "channels_first".

    Output shape:
        (N, OL, C), or (N, C, OL) with the output_size asked for.

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1, or there is nothing along an axis.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import AdaptiveAveragePooling1D
    >>> AdaptiveAveragePooling1D(2)(np.arange(5.0).reshape(1, 5, 1)).ravel()
    array([1., 3.], dtype=float32)
    """

    rank = 1
    operation = "adaptive_average_pool"
