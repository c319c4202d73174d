"""RandomCrop: a window of images, somewhere while training and in the middle afterwards."""

from __future__ import annotations

from typing import Any

from pyconv import random
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_resizing import BaseResizing


class RandomCrop(BaseResizing):
    """Cuts height x width pixels out of images at a random place while training, the same for the whole batch.

    Otherwise, and of images that are smaller, the largest part of the middle with these proportions is taken, and
    resized bilinearly.

    Args:
        height: the rows of the result.
        width: its columns.
        seed: as in `RandomTranslation`.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        name: the layer's name.
        **kwargs: dtype, trainable, input_shape.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        (N, height, width, C), or (N, C, height, width).

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1, or images have no pixels.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import RandomCrop
    >>> images = np.arange(5.0).reshape(1, 1, 5, 1)
    >>> RandomCrop(1, 3, seed=4)(images, training=True).ravel()
    array([2., 3., 4.], dtype=float32)
    >>> RandomCrop(1, 5, seed=4)(images, training=False).ravel()
    array([0., 1., 2., 3., 4.], dtype=float32)
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        settings.keep(self, locals())
        self.keep_size(height, width)
        self._generator = None if seed is None else random.seeded(self._op, seed)

    def call(self, x: Array, training: bool = True) -> Array:
        self.compute_output_shape(x.shape)
        down, right = self.room(x)
        if training and down >= 0 and right >= 0:
            generator = random.generator() if self._generator is None else self._generator
            top, left = generator.integers(0, [down + 1, right + 1])
            return self.window(x, int(top), int(left))
        return self.resized(self.largest_window(x))
