"""RandomFlip: images mirrored while training."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyconv.gradient import Array, record
from pyconv.layers import settings
from pyconv.layers.base_augmentation import BaseAugmentation

_MODES = {"horizontal": (1,), "vertical": (0,), "horizontal_and_vertical": (0, 1)}  # the spatial axes


class RandomFlip(BaseAugmentation):
    """Mirrors every other image, chosen at random, while training.

    Args:
        mode: "horizontal" (left and right change places), "vertical" (top and bottom) or "horizontal_and_vertical"
            (either, both or none, with equal chances).
        seed: as in `RandomTranslation`.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        The same.

    Raises:
        ValueError: if mode is another word.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import RandomFlip
    >>> images = np.tile(np.arange(3.0).reshape(1, 1, 3, 1), (4, 1, 1, 1))
    >>> RandomFlip("horizontal", seed=2)(images, training=True)[:, 0, :, 0]
    array([[2., 1., 0.],
           [2., 1., 0.],
           [0., 1., 2.],
           [2., 1., 0.]], dtype=float32)
    """

    mode: str

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        settings.keep(self, locals())
        if mode not in _MODES:
            raise ValueError(f"{self._op}: mode must be one of {', '.join(_MODES)}. Received: mode={mode!r}.")

    def call(self, x: Array, training: bool = True) -> Array:
        if not training:
            return x
        flips = [(self.spatial_axes[i], self.uniform((0, 1), len(x)) < 0.5) for i in _MODES[self.mode]]

        def flipped(images: Array) -> Array:
            result = images.copy(order="C")
            for axis, chosen in flips:
                result[chosen] = np.flip(result[chosen], axis)
            return result

        y = flipped(x)
        record(y, (x, flipped))  # which is its own inverse
        return y
