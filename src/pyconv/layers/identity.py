"""Identity: a layer that changes nothing, to stand where there may be another one."""

from __future__ import annotations

from typing import Any

from pyconv.gradient import Array
from pyconv.layers.layer import Layer


class Identity(Layer):
    """Hands its input on.

    Args:
        **kwargs: name, dtype, trainable, input_shape.

    Example:
    >>> from pyconv.layers import Identity
    >>> Identity()([1.0, 2.0])
    array([1., 2.], dtype=float32)
    """

    supports_masking = True

    def call(self, x: Array) -> Array:
        return x

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape
