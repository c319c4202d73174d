"""LayerNormalization: each sample freed of its own mean and variance along axes."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_normalization import BaseNormalization, value
from pyconv.layers.layer import Shape
from pyconv.ops.geometry import axes_argument


class LayerNormalization(BaseNormalization):
    """y = gamma * (x - mean) / sqrt(variance + epsilon) + beta; mean and variance are those along axes of x.

    Each place along the axes has a gamma and a beta of its own. Ba, Kiros and Hinton, 2016.

    Args:
        axis: the axis or axes.
        epsilon: keeps a variance of zero from being divided by.
        center: whether there is a learnt beta to add.
        scale: whether there is a learnt gamma to multiply by.
        beta_initializer: initial beta.
        gamma_initializer: initial gamma.
        beta_regularizer: what training adds to the loss for beta, see `pyconv.regularizers`; None for nothing.
        gamma_regularizer: the same for gamma.
        beta_constraint: what becomes of beta after each step, see `pyconv.constraints`; None for no change.
        gamma_constraint: the same for gamma.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, ...)

    Output shape:
        (N, ...)

    Raises:
        TypeError: if a number isn't one.
        ValueError: if a number is out of range, or the input's size along axis is unknown.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import LayerNormalization
    >>> LayerNormalization(epsilon=1e-9)(np.array([[1.0, 3.0], [5.0, 9.0]])).round(3)
    array([[-1.,  1.],
           [-1.,  1.]], dtype=float32)
    """

    supports_masking = True

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.epsilon = self.checked_epsilon(epsilon)
        self._axes = sorted(axes_argument(self._op, axis))

    def build(self, input_shape: Shape) -> None:
        self.axis = self._axes  # as Keras' configuration has it
        self.add_gamma_and_beta(self.known_sizes(input_shape, self.axis))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rms_scaling": False}  # a switch of Keras' that is always off here

    def call(self, x: Array) -> Array:
        return ops.layer_normalization(x, value(self.gamma), value(self.beta), self.axis, self.epsilon)
