"""Reshape: each sample's numbers in another shape."""

from __future__ import annotations

import math
from typing import Any

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.layer import Layer, Shape
from pyconv.ops.geometry import integer, is_sequence


class Reshape(Layer):
    """Gives each sample another shape; the numbers stay in their order.

    Args:
        target_shape: the new shape without the batch axis; one size may be -1, which is then worked out.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, ...)

    Output shape:
        (N, *target_shape)

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a sample doesn't fill the new shape, or more than one size is -1.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Reshape
    >>> Reshape((2, -1))(np.zeros((5, 12))).shape
    (5, 2, 6)
    """

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        sizes = tuple(target_shape) if is_sequence(target_shape) else (target_shape,)
        self.target_shape = tuple(integer(self._op, "target_shape", size, minimum=-(2**31)) for size in sizes)
        if min(self.target_shape, default=0) < -1:
            raise ValueError(
                f"{self._op}: each size must be a non-negative integer, or -1 for the one to work out. "
                f"Received: target_shape={target_shape}."
            )
        if self.target_shape.count(-1) > 1:
            raise ValueError(
                f"{self._op}: there may be at most one unknown dimension, -1. Received: target_shape={target_shape}."
            )

    def call(self, x: Array) -> Array:
        shape = self.compute_output_shape(x.shape)
        return ops.reshape(x, tuple(size for size in shape if size is not None))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        known = [size for size in input_shape[1:] if size is not None]
        if len(known) < len(input_shape) - 1:
            return (input_shape[0], *(None if size == -1 else size for size in self.target_shape))
        given, wanted = math.prod(known), math.prod(size for size in self.target_shape if size != -1)
        rest = given // wanted if wanted else 0
        if given != wanted * (rest if -1 in self.target_shape else 1):
            raise ValueError(
                f"{self._op}: target_shape must hold exactly the {given} elements of a sample. "
                f"Received: inputs.shape={input_shape}, target_shape={self.target_shape}."
            )
        return (input_shape[0], *(rest if size == -1 else size for size in self.target_shape))
