"""Activation: any activation function as a layer. The functions are in pyconv.activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconv import activations
from pyconv.gradient import Array
from pyconv.layers.layer import Layer, Shape


class Activation(Layer):
    """Applies an activation function to every element, or along the last axis if it is "softmax".

    Args:
        activation: the function or its name, see `pyconv.activations`.
        **kwargs: name, dtype, trainable, input_shape.

    Raises:
        ValueError: if there is no function of that name.

    Example:
    >>> from pyconv.layers import Activation
    >>> Activation("relu")([-1.0, 0.0, 2.0])
    array([0., 0., 2.], dtype=float32)
    """

    supports_masking = True

    def __init__(self, activation: str | Callable[..., Array] | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation: Callable[..., Array] = activations.get(activation)

    def call(self, x: Array) -> Array:
        return self.activation(x)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"activation": activations.serialize(self.activation)}
