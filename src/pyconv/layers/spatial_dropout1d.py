"""SpatialDropout1D: whole channels dropped while training. The rest is in base_spatial_dropout.py."""

from __future__ import annotations

from typing import Any

from pyconv.layers.base_spatial_dropout import BaseSpatialDropout


class SpatialDropout1D(BaseSpatialDropout):
    """Sets a random part of the channels to zero while training and scales the rest by 1 / (1 - rate).

    Neighbouring elements are alike: dropping single ones would take little away.

    Args:
        rate: the probability of being dropped, 0 to 1.
        seed: an integer for masks of the layer's own; None draws from the generator that `pyconv.seed` sets.
        name: the layer's name.
        dtype: dtype of the results.
        **kwargs: trainable, input_shape.

    Input shape:
        (N, L, C)

    Output shape:
        As the input's.

    Raises:
        ValueError: if rate isn't in 0..1.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import SpatialDropout1D
    >>> y = SpatialDropout1D(0.5, seed=1)(np.ones((8, 4, 3)), training=True)
    >>> bool((y == y[:, :1]).all())
    True
    """

    rank = 1

    def __init__(
        self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, seed=seed, name=name, dtype=dtype, **kwargs)
