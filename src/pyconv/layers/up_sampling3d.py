"""UpSampling3D: volumes made larger, without weights. The rest is in base_up_sampling.py."""

from __future__ import annotations

from typing import Any

from pyconv.layers import settings
from pyconv.layers.base_up_sampling import BaseUpSampling
from pyconv.ops.geometry import int_tuple


class UpSampling3D(BaseUpSampling):
    """Makes volumes a whole number of times larger.

    Args:
        size: how many times each voxel is repeated, an integer or (depth, height, width).
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, D, H, W, C), or (N, C, D, H, W) with "channels_first".

    Output shape:
        (N, D * size, H * size, W * size, C), or (N, C, ...).

    Raises:
        TypeError: if size isn't an integer.
        ValueError: if it is less than 1.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import UpSampling3D
    >>> UpSampling3D(2)(np.zeros((1, 2, 3, 4, 5))).shape
    (1, 4, 6, 8, 5)
    """

    rank = 3

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.size = int_tuple(self._op, "size", size, self.rank)
