"""BatchNormalization: each channel freed of the batch's mean and variance while training, of their averages later."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.arguments import real_number
from pyconv.gradient import Array, recording
from pyconv.layers import settings
from pyconv.layers.base_normalization import BaseNormalization, value
from pyconv.layers.layer import Shape
from pyconv.ops.conv_plans import Activation
from pyconv.ops.geometry import axis_tuple, integer, is_sequence
from pyconv.ops.normalization import normalize_channels, standardize, standardize_channels
from pyconv.variable import Variable


class BatchNormalization(BaseNormalization):
    """y = gamma * (x - mean) / sqrt(variance + epsilon) + beta, each channel with numbers of its own.

    While training, mean and variance are the batch's, and moving averages of them are kept; otherwise they are those
    averages. A layer whose `trainable` is False uses and keeps the averages as they are. Ioffe and Szegedy, 2015.

    Args:
        axis: the axis of the channels, -1 for channels_last, 1 for channels_first.
        momentum: the moving averages become momentum * average + (1 - momentum) * the batch's.
        epsilon: keeps a variance of zero from being divided by.
        center: whether there is a learnt beta to add.
        scale: whether there is a learnt gamma to multiply by.
        beta_initializer: initial beta.
        gamma_initializer: initial gamma.
        moving_mean_initializer: initial average of means.
        moving_variance_initializer: initial average of variances.
        beta_regularizer: what training adds to the loss for beta, see `pyconv.regularizers`; None for nothing.
        gamma_regularizer: the same for gamma.
        beta_constraint: what becomes of beta after each step, see `pyconv.constraints`; None for no change.
        gamma_constraint: the same for gamma.
        renorm: must be False, and so the two that follow are unused.
        renorm_clipping: see renorm.
        renorm_momentum: see renorm.
        synchronized: must be False, there are no other devices.
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
    >>> from pyconv.layers import BatchNormalization
    >>> layer = BatchNormalization(epsilon=1e-9)
    >>> layer(np.array([[1.0, 0.0], [3.0, 10.0]]), training=True).round(3)
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    >>> [weight.name for weight in layer.weights]
    ['gamma', 'beta', 'moving_mean', 'moving_variance']
    """

    supports_masking = True

    moving_mean: Variable
    moving_variance: Variable

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        if renorm or synchronized:
            raise ValueError(
                f"{self._op}: renorm and synchronized must be False. "
                f"Received: renorm={renorm}, synchronized={synchronized}."
            )
        # Keras 2 wrote a list of one axis into its configurations.
        one = next(iter(axis)) if is_sequence(axis) and len(tuple(axis)) == 1 else axis
        self.axis = integer(self._op, "axis", one, minimum=-64)
        self.momentum = real_number(self._op, "momentum", momentum, 0, 1)
        self.epsilon = self.checked_epsilon(epsilon)

    def build(self, input_shape: Shape) -> None:
        shape = self.known_sizes(input_shape, self.axis)
        self.input_rank = len(input_shape)
        self.add_gamma_and_beta(shape)
        self.moving_mean = settings.weight(self, "moving_mean", shape, trainable=False)
        self.moving_variance = settings.weight(self, "moving_variance", shape, trainable=False)

    def call(self, x: Array, training: bool = False) -> Array:
        gamma, beta = value(self.gamma), value(self.beta)
        if not (training and self.trainable):
            averages = self.moving_mean.value, self.moving_variance.value
            if self._is_plain(x) and not recording():  # checks would take as long again on a small x
                return normalize_channels(x, *averages, beta, gamma, self.epsilon)
            return ops.batch_normalization(x, *averages, self.axis, beta, gamma, self.epsilon)
        (channels,) = axis_tuple(self._op, self.axis, x.ndim)
        shape = tuple(size if axis == channels else 1 for axis, size in enumerate(x.shape))
        scale = None if gamma is None else ops.reshape(gamma, shape)
        offset = None if beta is None else ops.reshape(beta, shape)
        others = tuple(axis for axis in range(x.ndim) if axis != channels)
        return self._averaged(standardize(self._op, x, others, self.epsilon, scale, offset))

    def joins(self, x: Array, *residual: Array) -> bool:
        """Whether `rectified` serves such arrays: what the layer would neither convert nor refuse."""
        return (
            self.trainable
            and self._is_plain(x)
            and all(other.shape == x.shape and other.dtype == x.dtype for other in residual)
        )

    def _is_plain(self, x: Array) -> bool:
        """Whether the core normalises x: its channels last, nothing to convert and nothing to refuse."""
        return (
            x.ndim == self.input_rank
            and x.shape[-1:] == self.moving_mean.shape
            and x.dtype == self._input_dtype == self.moving_mean.value.dtype
            and self.axis in (-1, x.ndim - 1)
            and x.size > 0
        )

    def rectified(self, x: Array, activation: Activation, residual: Array | None = None) -> Array:
        """The activation of what `call` gives in training, plus residual; for arrays of which `joins` is true."""
        gamma, beta = value(self.gamma), value(self.beta)
        return self._averaged(standardize_channels(x, self.epsilon, gamma, beta, activation, residual))

    def _averaged(self, result: tuple[Array, Array, Array]) -> Array:
        """The first of result, mean and variance, after the other two have gone into the averages."""
        y, mean, variance = result
        for average, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average.value * self.momentum + batch.ravel() * (1 - self.momentum))
        return y
