"""Dense: a matrix product with learnt weights on the last axis. The product itself is in pyconv.ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconv import activations, initializers
from pyconv.gradient import Array
from pyconv.layers.layer import Layer, Shape
from pyconv.ops import geometry
from pyconv.ops.conv import DENSE, convolve
from pyconv.variable import Variable


class Dense(Layer):
    """Connects each output to all inputs of the last axis: y = activation(x @ kernel + bias).

    Args:
        units: U, the number of outputs.
        activation: name or function applied to the result; None for none.
        use_bias: whether each output adds a learnt number.
        kernel_initializer: initial kernel, of shape (C, U).
        bias_initializer: initial bias, of shape (U,).
        kernel_regularizer: not supported yet, like the four that follow: only None is accepted.
        bias_regularizer: see kernel_regularizer.
        activity_regularizer: see kernel_regularizer.
        kernel_constraint: see kernel_regularizer.
        bias_constraint: see kernel_regularizer.
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

    kernel: Variable
    bias: Variable | None

    def __init__(
        self,
        units: int,
        activation: str | Callable[..., Array] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: None = None,
        bias_regularizer: None = None,
        activity_regularizer: None = None,
        kernel_constraint: None = None,
        bias_constraint: None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._refuse_unsupported(
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self.convolution = DENSE
        self.units = geometry.integer(self._op, "units", units)
        self.activation: Callable[..., Array] = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer: Any = initializers.get(kernel_initializer)
        self.bias_initializer: Any = initializers.get(bias_initializer)

    def build(self, input_shape: Shape) -> None:
        channels = input_shape[-1] if len(input_shape) > 1 else None
        if channels is None:
            raise ValueError(
                f"{self._op}: inputs must have a batch axis and a last axis of known size when {self.name!r} is "
                f"built. Received: input_shape={input_shape}."
            )
        self.kernel = self.add_weight((channels, self.units), self.kernel_initializer, name="kernel")
        self.bias = self.add_weight((self.units,), self.bias_initializer, name="bias") if self.use_bias else None
        self.input_axes = {-1: channels}

    def call(self, x: Array) -> Array:
        fused = activations.fused(self.activation)
        y = convolve(self.convolution, x, self.kernel, self.bias, activation=fused or "linear")
        return y if fused else self.activation(y)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
        }
