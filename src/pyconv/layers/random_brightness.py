"""RandomBrightness: images made lighter or darker while training."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_augmentation import BaseAugmentation


class RandomBrightness(BaseAugmentation):
    """Adds a random number to each image while training, and keeps the results within value_range.

    Args:
        factor: f, for numbers in [-f, f], or two numbers for the range, as parts of the width of value_range. All
            within [-1, 1].
        value_range: the smallest and the largest value of a pixel.
        seed: as in `RandomTranslation`.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        The same.

    Raises:
        TypeError: if a number isn't one.
        ValueError: if it is out of range.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import RandomBrightness
    >>> image = np.array([0.0, 0.5, 1.0]).reshape(1, 1, 3, 1)
    >>> RandomBrightness((0.25, 0.25), value_range=(0, 1))(image, training=True).ravel()
    array([0.25, 0.75, 1.  ], dtype=float32)
    """

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        seed: int | None = None,
        *,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        settings.keep(self, locals())
        self.factor = self.factors("factor", factor, -1, 1)
        self.value_range = sorted(self.pair("value_range", value_range))

    def call(self, x: Array, training: bool = True) -> Array:
        if not training:
            return x
        low, high = self.value_range
        delta = self.uniform(self.factor, len(x)) * (high - low)
        return ops.clip(ops.add(x, self.per_image(delta, x)), low, high)
