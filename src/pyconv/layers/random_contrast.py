"""RandomContrast: images with more or less contrast while training."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_augmentation import BaseAugmentation


class RandomContrast(BaseAugmentation):
    """Multiplies each image's distances from its channels' means by a random number while training.

    y = (x - mean) * c + mean, kept within value_range.

    Args:
        factor: f, for c in [1 - f, 1 + f], or two numbers (l, u) for c in [1 - l, 1 + u], as Keras documents it. All
            within [0, 1].
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
    >>> from pyconv.layers import RandomContrast
    >>> image = np.array([10.0, 20.0, 30.0]).reshape(1, 1, 3, 1)
    >>> y = RandomContrast(0.5, seed=1)(image, training=True).ravel()
    >>> bool(y[1] == 20 and 5 <= 20 - y[0] <= 15), bool(np.isclose(y[2] - 20, 20 - y[0]))
    (True, True)
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
        lower, upper = self.factors("factor", factor, 0, 1)
        self.factor = max(lower, -lower), upper
        self.value_range = self.pair("value_range", value_range)

    def call(self, x: Array, training: bool = True) -> Array:
        if not training:
            return x
        lower, upper = self.factor
        contrast = self.per_image(self.uniform((1 - lower, 1 + upper), len(x)), x)
        mean = ops.mean(x, self.spatial_axes, keepdims=True)
        return ops.clip(ops.add(ops.multiply(ops.subtract(x, mean), contrast), mean), *self.value_range)
