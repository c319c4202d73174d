"""GroupNormalization: each sample freed of the mean and variance of each group of its channels."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_normalization import BaseNormalization, value
from pyconv.layers.layer import Shape
from pyconv.ops.geometry import axis_tuple, integer
from pyconv.ops.normalization import standardize


class GroupNormalization(BaseNormalization):
    """y = gamma * (x - mean) / sqrt(variance + epsilon) + beta; mean and variance are those of a group of channels.

    They are taken over the group's channels and all other axes but the batch's. Wu and He, 2018.

    Args:
        groups: the number of groups; -1 for one channel each, which is instance normalisation.
        axis: the axis of the channels.
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
        ValueError: if a number is out of range, groups doesn't divide the channels, or their number is unknown.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import GroupNormalization
    >>> GroupNormalization(2, epsilon=1e-9)(np.array([[1.0, 3.0, 10.0, 30.0]])).round(3)
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    supports_masking = True

    groups: int

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
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
        self.groups = -1 if groups == -1 else integer(self._op, "groups", groups)
        self.axis = integer(self._op, "axis", axis, minimum=-64)
        self.epsilon = self.checked_epsilon(epsilon)

    def build(self, input_shape: Shape) -> None:
        (channels,) = shape = self.known_sizes(input_shape, self.axis)
        self.input_rank = len(input_shape)
        if self.groups == -1:
            self.groups = channels
        if channels % self.groups:
            raise ValueError(
                f"{self._op}: the number of channels must be divisible by groups, which cannot be more than the number "
                f"of channels. Received: channels={channels}, groups={self.groups}."
            )
        self.add_gamma_and_beta(shape)

    def call(self, x: Array) -> Array:
        (axis,) = axis_tuple(self._op, self.axis, x.ndim)
        split = (self.groups, x.shape[axis] // self.groups)
        grouped = ops.reshape(x, (*x.shape[:axis], *split, *x.shape[axis + 1 :]))
        numbers = (*(1,) * axis, *split, *(1,) * (x.ndim - axis - 1))
        gamma, beta = (None if a is None else ops.reshape(a, numbers) for a in (value(self.gamma), value(self.beta)))
        others = tuple(place for place in range(1, grouped.ndim) if place != axis)
        return ops.reshape(standardize(self._op, grouped, others, self.epsilon, gamma, beta)[0], x.shape)
