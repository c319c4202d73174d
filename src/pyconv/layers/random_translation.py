"""RandomTranslation: images moved while training."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_random_affine import BaseRandomAffine


class RandomTranslation(BaseRandomAffine):
    """Moves each image by a random part of its height and width while training.

    Args:
        height_factor: a part f of the height, for moves in [-f, f], or two numbers for the range; positive is down.
            All within [-1, 1].
        width_factor: likewise; positive is to the right.
        fill_mode: what comes in at the border: "reflect" (d c b a | a b c d | d c b a), "wrap" (the image again),
            "nearest" (the border's pixel) or "constant" (fill_value).
        interpolation: "bilinear" or "nearest".
        seed: an integer for numbers of the layer's own; None draws from the generator that `pyconv.seed` sets.
        fill_value: see fill_mode.
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
    >>> from pyconv.layers import RandomTranslation
    >>> image = np.arange(4.0).reshape(1, 1, 4, 1)
    >>> RandomTranslation(0, (0.25, 0.25), fill_mode="constant")(image, training=True).ravel()
    array([0., 0., 1., 2.], dtype=float32)
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
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
        self._rows = self.factors("height_factor", height_factor, -1, 1)
        self._columns = self.factors("width_factor", width_factor, -1, 1)

    def transforms(self, batch: int, height: int, width: int) -> Array:
        down, right = self.uniform(self._rows, batch) * height, self.uniform(self._columns, batch) * width
        one, zero = np.ones(batch), np.zeros(batch)
        return np.stack([one, zero, -right, zero, one, -down], axis=1)
