"""Dense: a matrix product with learnt weights on the last axis. The product itself is in pyconv.ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconv import activations
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.layer import Layer, Shape
from pyconv.ops.conv import DENSE, bound_to, convolve
from pyconv.variable import Variable


class Dense(Layer):
    """Connects each output to all inputs of the last axis: y = activation(x @ kernel + bias).

    Args:
        units: U, the number of outputs.
        activation: name or function applied to the result; None for none.
        use_bias: whether each output adds a learnt number.
        kernel_initializer: initial kernel, of shape (C, U).
        bias_initializer: initial bias, of shape (U,).
        kernel_regularizer: what training adds to the loss for the kernel, see `pyconv.regularizers`; None for nothing.
        bias_regularizer: the same for the bias.
        activity_regularizer: the same for the result.
        kernel_constraint: what becomes of the kernel after each step, see `pyconv.constraints`; None for no change.
        bias_constraint: the same for the bias.
        **kwargs: name, dtype, trainable, input_shape, input_dim.

    Input shape:
        (N, ..., C)

    Output shape:
        (N, ..., U)

    Raises:
        TypeError: if units isn't an integer.
        ValueError: if it is less than 1, or the input has no last axis of known size.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Dense
    >>> layer = Dense(10, activation="softmax")
    >>> layer(np.zeros((2, 64))).sum(axis=-1)
    array([1., 1.], dtype=float32)
    """

    supports_masking = True

    units: int
    activation: Callable[..., Array]
    use_bias: bool
    kernel: Variable
    bias: Variable | None

    def __init__(
        self,
        units: int,
        activation: str | Callable[..., Array] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        settings.keep(self, locals())
        self.convolution = DENSE

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[-1] if len(input_shape) > 1 else None
        if channels is None:
            raise ValueError(
                f"{self._op}: inputs must have a batch axis and a last axis of known size when {self.name!r} is "
                f"built. Received: input_shape={input_shape}."
            )
        self.kernel = settings.weight(self, "kernel", (channels, self.units))
        self.bias = settings.weight(self, "bias", (self.units,)) if self.use_bias else None
        self.input_axes = {-1: channels}

    def call(self, x: Array) -> Array:
        fused = activations.fused(self.activation)
        y = convolve(self.convolution, x, self.kernel, self.bias, activation=fused or "linear")
        return y if fused else self.activation(y)

    def bound_to(self, x: Array) -> Callable[[Array], Array | None] | None:
        fused = activations.fused(self.activation)
        return bound_to(self.convolution, x, self.kernel, self.bias, fused) if fused else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)
