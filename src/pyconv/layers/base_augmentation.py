"""What layers that change images at random while training share: seeds and ranges of factors. The subclasses draw."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyconv import random
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.layers.base_spatial import SpatialLayer
from pyconv.layers.layer import Shape
from pyconv.ops import geometry

Range = tuple[float, float]


class BaseAugmentation(SpatialLayer):
    """Images changed at random, each in its own way; the same images where training is False.

    As in Keras such a layer, called by itself or in a model, acts unless somebody says training=False, as `predict` and
    `evaluate` do. That is why the `training` of the subclasses' `call` is True by default.
    """

    rank = 2
    seed: Any

    def __init__(self, *, data_format: str | None, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = geometry.data_format(self._op, data_format)
        self._generator = None if seed is None else random.seeded(self._op, seed)

    def generator(self) -> np.random.Generator:
        """The layer's own random numbers if it has a seed, otherwise those that `pyconv.seed` sets."""
        return random.generator() if self._generator is None else self._generator

    def factors(self, name: str, value: Any, low: float, high: float) -> Range:
        """A factor f as the range from -f to f, two of them as they are; all within low..high."""
        if isinstance(value, list | tuple):
            first, second = (real_number(self._op, name, item, low, high) for item in self.pair(name, value))
            return min(first, second), max(first, second)
        size = abs(real_number(self._op, name, value, low, high))
        return -size, size

    def pair(self, name: str, value: Any) -> Range:
        """The argument `name` as two numbers."""
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError(f"{self._op}: {name} must hold two numbers. Received: {name}={value!r}.")
        first, second = (real_number(self._op, name, item, -math.inf, math.inf) for item in value)
        return first, second

    def uniform(self, bounds: Range, batch: int) -> Array:
        """A number for each image."""
        return self.generator().uniform(*bounds, batch)

    def per_image(self, numbers: Array, x: Array) -> Array:
        """One number an image as an array that x can be multiplied by."""
        return numbers.astype(x.dtype).reshape(-1, 1, 1, 1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check_input_shape(input_shape)
        return input_shape
