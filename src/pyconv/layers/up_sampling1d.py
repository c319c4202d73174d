"""UpSampling1D: signals made larger, without weights. The rest is in base_up_sampling.py."""

from __future__ import annotations

from typing import Any

from pyconv.layers import settings
from pyconv.layers.base_up_sampling import BaseUpSampling
from pyconv.ops.geometry import integer


class UpSampling1D(BaseUpSampling):
    """Makes signals a whole number of times larger.

    Args:
        size: how many times each step is repeated.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, L, C)

    Output shape:
        (N, L * size, C)

    Raises:
        TypeError: if size isn't an integer.
        ValueError: if it is less than 1.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import UpSampling1D
    >>> UpSampling1D(2)(np.arange(2.0).reshape(1, 2, 1)).ravel()
    array([0., 0., 1., 1.], dtype=float32)
    """

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.data_format = "channels_last"
        self.size = (integer(self._op, "size", size),)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"size": self.size[0]}
