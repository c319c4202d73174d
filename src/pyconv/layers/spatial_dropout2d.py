"""SpatialDropout2D: whole channels dropped while training. The rest is in base_spatial_dropout.py."""

from __future__ import annotations

from pyconv.layers.base_spatial_dropout import BaseSpatialDropout


class SpatialDropout2D(BaseSpatialDropout):
    """Sets a random part of the channels to zero while training and scales the rest by 1 / (1 - rate).

    Neighbouring elements are alike: dropping single ones would take little away.

    Args:
        rate: the probability of being dropped, 0 to 1.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        seed: an integer for masks of the layer's own; None draws from the generator that `pyconv.seed` sets.
        name: the layer's name.
        dtype: dtype of the results.
        **kwargs: trainable, input_shape.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        As the input's.

    Raises:
        ValueError: if rate isn't in 0..1.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import SpatialDropout2D
    >>> y = SpatialDropout2D(0.5, seed=1)(np.ones((8, 4, 4, 3)), training=True)
    >>> bool((y == y[:, :1, :1]).all())
    True
    """

    rank = 2
