"""GaussianNoise: normal numbers added while training, nothing afterwards."""

from __future__ import annotations

import math
from typing import Any

from pyconv import ops, random
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.layer import Layer, Shape


class GaussianNoise(Layer):
    """Adds normally distributed numbers of mean zero while training.

    Args:
        stddev: their standard deviation.
        seed: an integer for numbers of the layer's own; None draws from the generator that `pyconv.seed` sets.
        **kwargs: name, dtype, trainable, input_shape.

    Raises:
        TypeError: if stddev isn't a number.
        ValueError: if it is negative or infinite.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import GaussianNoise
    >>> y = GaussianNoise(0.5, seed=1)(np.zeros((100, 100)), training=True)
    >>> round(float(y.std()), 1)
    0.5
    """

    supports_masking = True

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.stddev = real_number(self._op, "stddev", stddev, 0, math.inf, open_end=True)
        self._generator = None if seed is None else random.seeded(self._op, seed)

    def call(self, x: Array, training: bool = False) -> Array:
        if not training or self.stddev == 0:
            return x
        generator = random.generator() if self._generator is None else self._generator
        return ops.add(x, (generator.standard_normal(x.shape) * self.stddev).astype(x.dtype))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
