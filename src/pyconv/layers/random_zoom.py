"""RandomZoom: images seen from nearer or farther while training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_random_affine import BaseRandomAffine, around_centre


class RandomZoom(BaseRandomAffine):
    """Zooms each image by a random factor while training, its centre stays.

    Args:
        height_factor: f, for numbers z in [-f, f], or two numbers for the range: the result shows 1 + z times the
            height of the image, so that a positive z makes things smaller. All in (-1, 1].
        width_factor: likewise; None for the same z as for the height, which keeps proportions.
        fill_mode: as in `RandomTranslation`.
        interpolation: "bilinear" or "nearest".
        seed: as in `RandomTranslation`.
        fill_value: as in `RandomTranslation`.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        The same.

    Raises:
        TypeError: if a factor isn't a number, or two.
        ValueError: if it is out of range, or a word is another.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import RandomZoom
    >>> image = np.arange(5.0).reshape(1, 1, 5, 1)
    >>> RandomZoom(0, (-0.5, -0.5))(image, training=True).ravel()
    array([1. , 1.5, 2. , 2.5, 3. ], dtype=float32)
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        settings.keep(self, locals())
        self.check_filling()
        least = math.nextafter(-1, 0)  # at -1 all pixels would be the same one
        self._rows = self.factors("height_factor", height_factor, least, 1)
        self._columns = None if width_factor is None else self.factors("width_factor", width_factor, least, 1)

    def transforms(self, batch: int, height: int, width: int) -> Array:
        down = 1 + self.uniform(self._rows, batch)
        right = down if self._columns is None else 1 + self.uniform(self._columns, batch)
        zero = np.zeros(batch)
        return around_centre(right, zero, zero, down, height, width)
