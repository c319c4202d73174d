"""GaussianDropout: inputs times normal numbers round one while training, nothing afterwards."""

from __future__ import annotations

from typing import Any

from pyconv import ops, random
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.layer import Layer, Shape


class GaussianDropout(Layer):
    """Multiplies its inputs by normal numbers of mean 1 while training.

    Their standard deviation is sqrt(rate / (1 - rate)), that of what Dropout multiplies by.

    Args:
        rate: the probability that Dropout would drop with, 0 to 1, 1 left out.
        seed: an integer for numbers of the layer's own; None draws from the generator that `pyconv.seed` sets.
        **kwargs: name, dtype, trainable, input_shape.

    Raises:
        ValueError: if rate is out of range.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import GaussianDropout
    >>> y = GaussianDropout(0.2, seed=1)(np.ones((100, 100)), training=True)
    >>> round(float(y.mean()), 1), round(float(y.std()), 1)
    (1.0, 0.5)
    """

    supports_masking = True

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.rate = real_number(self._op, "rate", rate, 0, 1, open_end=True)
        self._generator = None if seed is None else random.seeded(self._op, seed)

    def call(self, x: Array, training: bool = False) -> Array:
        if not training or self.rate == 0:
            return x
        generator = random.generator() if self._generator is None else self._generator
        deviation = (self.rate / (1 - self.rate)) ** 0.5
        return ops.multiply(x, generator.normal(1, deviation, x.shape).astype(x.dtype))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
