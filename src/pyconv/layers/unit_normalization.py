"""UnitNormalization: each sample divided by its length along axes."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.layer import Layer, Shape
from pyconv.ops.geometry import axes_argument, axis_tuple

_SMALLEST = 1e-12  # what a length's square is at least, so that none is divided by zero: Keras'


class UnitNormalization(Layer):
    """y = x / sqrt(sum of x * x), the sum taken along axes.

    Args:
        axis: the axis or axes.
        **kwargs: name, dtype, trainable, input_shape.

    Raises:
        ValueError: if inputs have no such axis.

    Example:
    >>> from pyconv.layers import UnitNormalization
    >>> UnitNormalization()([[3.0, 4.0]])
    array([[0.6, 0.8]], dtype=float32)
    """

    supports_masking = True

    axis: Any

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        axes_argument(self._op, axis)

    def call(self, x: Array) -> Array:
        axes = axis_tuple(self._op, self.axis, x.ndim)
        squares = ops.sum(ops.square(x), axes, keepdims=True)
        return ops.multiply(x, ops.rsqrt(ops.maximum(squares, _SMALLEST)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        axis_tuple(self._op, self.axis, len(input_shape))
        return input_shape
