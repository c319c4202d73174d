"""RandomRotation: images turned while training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_random_affine import BaseRandomAffine, around_centre


class RandomRotation(BaseRandomAffine):
    """Turns each image round its centre by a random angle while training.

    Args:
        factor: a part f of a full turn, for angles in [-f, f], or two numbers for the range; positive is
            counter-clockwise. All within [-1, 1].
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
        TypeError: if factor isn't a number, or two.
        ValueError: if it is out of range, or a word is another.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import RandomRotation
    >>> image = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    >>> RandomRotation((0.25, 0.25))(image, training=True)[0, :, :, 0].round(3)
    array([[2., 4.],
           [1., 3.]], dtype=float32)
    """

    def __init__(
        self,
        factor: Any,
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
        self.factor = self.factors("factor", factor, -1, 1)

    def transforms(self, batch: int, height: int, width: int) -> Array:
        angle = self.uniform(self.factor, batch) * 2 * math.pi
        cosine, sine = np.cos(angle), np.sin(angle)
        return around_centre(cosine, -sine, sine, cosine, height, width)
