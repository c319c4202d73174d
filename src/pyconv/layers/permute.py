"""Permute: each sample's axes in another order."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.layer import Layer, Shape
from pyconv.ops.geometry import integer


class Permute(Layer):
    """Puts the axes of each sample in another order.

    Args:
        dims: axis i of the result is axis dims[i] of the input, both counted from 1, for the batch's isn't moved.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, ...)

    Output shape:
        (N, ...), the sizes in the new order.

    Raises:
        TypeError: if an axis isn't an integer.
        ValueError: if dims doesn't name every axis from 1 once, or the input has more or fewer.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Permute
    >>> Permute((3, 1, 2))(np.zeros((5, 10, 20, 3))).shape
    (5, 3, 10, 20)
    """

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.dims = tuple(integer(self._op, "dims", axis, minimum=0) for axis in dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                f"{self._op}: Invalid permutation argument `dims`: it must hold the integers from 1, each once. "
                f"Received: dims={dims}."
            )
        self.input_rank = len(self.dims) + 1

    def call(self, x: Array) -> Array:
        return ops.transpose(x, (0, *self.dims))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check_input_shape(input_shape)
        return tuple(input_shape[axis] for axis in (0, *self.dims))
