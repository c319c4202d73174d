"""What RandomTranslation, RandomRotation and RandomZoom share: pixels read elsewhere. They say where."""

from __future__ import annotations

import math

import numpy as np

from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.layers.base_augmentation import BaseAugmentation
from pyconv.ops import image

_FILL_MODES = ("reflect", "wrap", "constant", "nearest")  # of Keras' layers, which know no "mirror"


class BaseRandomAffine(BaseAugmentation):
    """Images through `pyconv.ops.image.affine_transform`."""

    fill_mode: str
    fill_value: float
    interpolation: str

    def check_filling(self) -> None:
        """Checks what the constructor has kept of the arguments that all three have."""
        for name, allowed in (("fill_mode", _FILL_MODES), ("interpolation", image.INTERPOLATIONS)):
            if (given := getattr(self, name)) not in allowed:
                raise ValueError(f"{self._op}: {name} must be one of {', '.join(allowed)}. Received: {name}={given!r}.")
        self.fill_value = real_number(self._op, "fill_value", self.fill_value, -math.inf, math.inf)

    def transforms(self, batch: int, height: int, width: int) -> Array:
        """(batch, 6): a0, a1, a2, b0, b1, b2 of each image, drawn at random."""
        raise NotImplementedError(f"{self._op}: a subclass must define transforms.")

    def call(self, x: Array, training: bool = True) -> Array:
        if not training or x.size == 0:
            return x
        height, width = (x.shape[axis] for axis in self.spatial_axes)
        matrices = np.pad(self.transforms(len(x), height, width), ((0, 0), (0, 2)))
        return image.affine_transform(
            x, matrices, self.interpolation, self.fill_mode, self.fill_value, self.data_format
        )


def around_centre(a0: Array, a1: Array, b0: Array, b1: Array, height: int, width: int) -> Array:
    """The transforms that read at these multiples of the distances from the image's centre."""
    x, y = (width - 1) / 2, (height - 1) / 2
    return np.stack([a0, a1, x - a0 * x - a1 * y, b0, b1, y - b0 * x - b1 * y], axis=1)
