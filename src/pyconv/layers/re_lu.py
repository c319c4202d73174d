"""ReLU: the rectifier as a layer, with Keras' three knobs. The function is in pyconv.activations."""

from __future__ import annotations

import math
from typing import Any

from pyconv import activations
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.layers.layer import Layer, Shape


class ReLU(Layer):
    """y = max_value where x >= max_value, x where x > threshold, negative_slope * (x - threshold) elsewhere.

    Args:
        max_value: the largest result; None for no limit.
        negative_slope: slope below the threshold.
        threshold: from where on x passes.
        **kwargs: name, dtype, trainable, input_shape.

    Raises:
        ValueError: if an argument is negative.

    Example:
    >>> from pyconv.layers import ReLU
    >>> ReLU(max_value=6.0)([-1.0, 2.0, 9.0])
    array([0., 2., 6.], dtype=float32)
    """

    supports_masking = True

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else real_number(self._op, "max_value", max_value, 0, math.inf)
        self.negative_slope = real_number(self._op, "negative_slope", negative_slope, 0, math.inf, open_end=True)
        self.threshold = real_number(self._op, "threshold", threshold, 0, math.inf, open_end=True)

    def call(self, x: Array) -> Array:
        return activations.relu(
            x, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }
