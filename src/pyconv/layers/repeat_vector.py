"""RepeatVector: one vector as a sequence of equal ones."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.layer import Layer, Shape
from pyconv.ops.geometry import integer


class RepeatVector(Layer):
    """Repeats each vector n times.

    Args:
        n: how many times.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, C)

    Output shape:
        (N, n, C)

    Raises:
        TypeError: if n isn't an integer.
        ValueError: if it is less than 1.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import RepeatVector
    >>> RepeatVector(3)(np.zeros((5, 32))).shape
    (5, 3, 32)
    """

    input_rank = 2

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.n = integer(self._op, "n", n)

    def call(self, x: Array) -> Array:
        return ops.repeat(ops.expand_dims(x, 1), self.n, 1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check_input_shape(input_shape)
        return (input_shape[0], self.n, input_shape[1])
