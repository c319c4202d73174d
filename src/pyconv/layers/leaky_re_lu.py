"""LeakyReLU: the rectifier with a slope below zero, as a layer."""

from __future__ import annotations

import math
from typing import Any

from pyconv import activations
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.layer import Layer, Shape


class LeakyReLU(Layer):
    """y = x where x > 0, negative_slope * x elsewhere.

    Args:
        negative_slope: slope below zero. Its name in Keras 2, `alpha`, is accepted too.
        **kwargs: name, dtype, trainable, input_shape.

    Raises:
        TypeError: if negative_slope isn't a number.
        ValueError: if it is negative.

    Example:
    >>> from pyconv.layers import LeakyReLU
    >>> LeakyReLU(0.5)([-1.0, 2.0])
    array([-0.5,  2. ], dtype=float32)
    """

    supports_masking = True

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        negative_slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.negative_slope = real_number(self._op, "negative_slope", negative_slope, 0, math.inf, open_end=True)

    def call(self, x: Array) -> Array:
        return activations.leaky_relu(x, self.negative_slope)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
