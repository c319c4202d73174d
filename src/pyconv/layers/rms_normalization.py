"""RMSNormalization: each sample divided by the root of its mean square along axes."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_normalization import BaseNormalization
from pyconv.layers.layer import Shape
from pyconv.ops.geometry import axes_argument
from pyconv.variable import Variable


class RMSNormalization(BaseNormalization):
    """y = scale * x / sqrt(mean of x * x + epsilon), the mean taken along axes. Zhang and Sennrich, 2019.

    Args:
        axis: the axis or axes.
        epsilon: keeps a zero from being divided by.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, ...)

    Output shape:
        (N, ...)

    Raises:
        TypeError: if epsilon isn't a number.
        ValueError: if it is negative, or the input's size along axis is unknown.

    Example:
    >>> from pyconv.layers import RMSNormalization
    >>> RMSNormalization()([[1.0, 7.0]]).round(4)
    array([[0.2, 1.4]], dtype=float32)
    """

    scale: Variable  # type: ignore[assignment] # a weight here, as in Keras, not whether there is one

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.epsilon = self.checked_epsilon(epsilon)
        self._axes = sorted(axes_argument(self._op, axis))

    def build(self, input_shape: Shape) -> None:
        self.axis = self._axes  # as Keras' configuration has it
        self.scale = self.add_weight(self.known_sizes(input_shape, self.axis), "ones", name="scale")

    def call(self, x: Array) -> Array:
        return ops.rms_normalization(x, self.scale.value, self.axis, self.epsilon)
