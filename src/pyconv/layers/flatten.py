"""Flatten: every sample as one vector. Moves no data unless channels stand first."""

from __future__ import annotations

import math
from typing import Any

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers.layer import Layer, Shape
from pyconv.ops import geometry


class Flatten(Layer):
    """Turns each sample into a vector, in the order of channels_last images whatever the data format.

    Args:
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
            With "channels_first" the channels are moved to the end first, so that the weights of a Dense layer
            behind it fit both.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, ...)

    Output shape:
        (N, the product of the other sizes)

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Flatten
    >>> Flatten()(np.zeros((2, 3, 3, 64))).shape
    (2, 576)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = geometry.data_format(self._op, data_format)

    def call(self, x: Array) -> Array:
        if self.data_format == "channels_first" and x.ndim > 2:
            x = ops.transpose(x, (0, *range(2, x.ndim), 1))
        return ops.flatten(x)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        sizes = [size for size in input_shape[1:] if size is not None]
        return (input_shape[0], math.prod(sizes) if len(sizes) == len(input_shape) - 1 else None)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"data_format": self.data_format}
