"""PReLU: the rectifier with a learnt slope below zero."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.layer import Layer, Shape
from pyconv.ops.geometry import integer, is_sequence
from pyconv.variable import Variable


class PReLU(Layer):
    """y = x where x > 0, alpha * x elsewhere, with a learnt alpha for each element of a sample.

    Args:
        alpha_initializer: initial alpha.
        alpha_regularizer: what training adds to the loss for it, see `pyconv.regularizers`; None for nothing.
        alpha_constraint: what becomes of it after each step, see `pyconv.constraints`; None for no change.
        shared_axes: the axes, counted from 1 after the batch's, along which one alpha serves all: (1, 2) to have one
            for each channel of an image.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, ...)

    Output shape:
        (N, ...)

    Raises:
        TypeError: if an axis isn't an integer.
        ValueError: if an axis is out of range, or a size that alpha needs is unknown.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import PReLU
    >>> layer = PReLU("ones", shared_axes=(1, 2))
    >>> layer(np.full((1, 4, 4, 3), -2.0)).min()
    np.float32(-2.0)
    >>> layer.alpha.shape
    (1, 1, 3)
    """

    supports_masking = True

    shared_axes: list[int] | None
    alpha: Variable

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        if shared_axes is not None:
            axes = shared_axes if is_sequence(shared_axes) else (shared_axes,)
            self.shared_axes = [integer(self._op, "shared_axes", axis) for axis in axes]

    def build(self, input_shape: Shape) -> None:
        shared = self.shared_axes or []
        if any(axis >= len(input_shape) for axis in shared):
            raise ValueError(
                f"{self._op}: shared_axes must name axes of inputs. "
                f"Received: shared_axes={shared}, inputs.shape={input_shape}."
            )
        sizes = {axis: size for axis, size in enumerate(input_shape) if axis and axis not in shared}
        if None in sizes.values():
            raise ValueError(
                f"{self._op}: the sizes of inputs must be known along axes that aren't shared. "
                f"Received: inputs.shape={input_shape}, shared_axes={shared}."
            )
        shape = tuple(sizes.get(axis) or 1 for axis in range(1, len(input_shape)))
        self.alpha = settings.weight(self, "alpha", shape)
        self.input_axes = {axis: size for axis, size in sizes.items() if size is not None}
        self.input_rank = len(input_shape)

    def call(self, x: Array) -> Array:
        return ops.add(ops.relu(x), ops.multiply(self.alpha.value, ops.minimum(x, 0)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
