"""Softmax as a layer. The function is in pyconv.ops."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers.layer import Layer, Shape

_MASKED = -1e9  # so far below any score that its exponential is zero: Keras'


class Softmax(Layer):
    """Turns scores into probabilities: y = exp(x) / sum(exp(x)) along an axis.

    A call may have a `mask`, true or 1 where an element counts: the others get the probability zero.

    Args:
        axis: the axis that sums to 1.
        **kwargs: name, dtype, trainable, input_shape.

    Example:
    >>> from pyconv.layers import Softmax
    >>> Softmax()([[1.0, 1.0]])
    array([[0.5, 0.5]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, x: Array, mask: ArrayLike | None = None) -> Array:
        if mask is None:
            return ops.softmax(x, axis=self.axis)
        kept = np.asarray(mask).astype(x.dtype)
        try:
            fits = np.broadcast_shapes(kept.shape, x.shape) == x.shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"{self._op}: mask must be broadcastable to inputs. "
                f"Received: mask.shape={kept.shape}, inputs.shape={x.shape}."
            )
        # What is masked counts for nothing, and is zero also where all is masked.
        y = ops.softmax(ops.add(ops.multiply(x, kept), (1 - kept) * _MASKED), axis=self.axis)
        return ops.multiply(y, kept)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis}
