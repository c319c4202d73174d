"""UpSampling2D: images made larger, without weights. The rest is in base_up_sampling.py."""

from __future__ import annotations

from typing import Any

from pyconv.layers import settings
from pyconv.layers.base_up_sampling import BaseUpSampling
from pyconv.ops.geometry import int_tuple
from pyconv.ops.resampling import INTERPOLATIONS


class UpSampling2D(BaseUpSampling):
    """Makes images a whole number of times larger.

    Args:
        size: how many times larger the image becomes, an integer or (rows, columns).
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        interpolation: "nearest" repeats pixels, "bilinear", "bicubic", "lanczos3" and "lanczos5" blend neighbours.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        (N, H * rows, W * columns, C), or (N, C, ...).

    Raises:
        TypeError: if size isn't an integer.
        ValueError: if it is less than 1 or interpolation is another word.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import UpSampling2D
    >>> UpSampling2D((1, 2), interpolation="bilinear")(np.array([0.0, 4.0]).reshape(1, 1, 2, 1)).ravel()
    array([0., 1., 3., 4.], dtype=float32)
    """

    rank = 2

    def __init__(
        self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.size = int_tuple(self._op, "size", size, self.rank)
        self.interpolation = str(interpolation).lower()
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(
                f"{self._op}: interpolation must be one of {', '.join(INTERPOLATIONS)}. "
                f"Received: interpolation={interpolation!r}."
            )
