"""ELU: the exponential linear unit as a layer."""

from __future__ import annotations

import math
from typing import Any

from pyconv import activations
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.layer import Layer, Shape


class ELU(Layer):
    """y = x where x > 0, alpha * (exp(x) - 1) elsewhere.

    Args:
        alpha: minus the smallest result.
        **kwargs: name, dtype, trainable, input_shape.

    Raises:
        TypeError: if alpha isn't a number.
        ValueError: if it isn't finite.

    Example:
    >>> from pyconv.layers import ELU
    >>> ELU()([-1.0, 2.0]).round(4)
    array([-0.6321,  2.    ], dtype=float32)
    """

    supports_masking = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.alpha = real_number(self._op, "alpha", alpha, -math.inf, math.inf)

    def call(self, x: Array) -> Array:
        return activations.elu(x, self.alpha)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
