"""Softmax as a layer. The function is in pyconv.ops."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers.layer import Layer, Shape


class Softmax(Layer):
    """Turns scores into probabilities: y = exp(x) / sum(exp(x)) along an axis.

    Args:
        axis: the axis that sums to 1.
        **kwargs: name, dtype, trainable, input_shape.

    Example:
    >>> from pyconv.layers import Softmax
    >>> Softmax()([[1.0, 1.0]])
    array([[0.5, 0.5]], dtype=float32)
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, x: Array) -> Array:
        return ops.softmax(x, axis=self.axis)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis}
