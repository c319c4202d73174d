"""GlobalAveragePooling1D: the mean of each channel of signals. The rest is in base_global_pooling.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers.base_global_pooling import BaseGlobalPooling


class GlobalAveragePooling1D(BaseGlobalPooling):
    """Takes the mean of each channel over all steps.

    A call may have a `mask` (N, L), true or 1 for the steps that count; where none counts the mean is zero.

    Args:
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        keepdims: whether the axes that are pooled over stay, with size one.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, L, C), or (N, C, L) with "channels_first".

    Output shape:
        (N, C); with keepdims (N, 1, C), or (N, C, 1) with "channels_first".

    Raises:
        ValueError: if data_format is another, there is nothing along an axis, or mask has another shape.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import GlobalAveragePooling1D
    >>> GlobalAveragePooling1D()(np.arange(8.0).reshape(1, 4, 2))
    array([[3., 4.]], dtype=float32)
    """

    supports_masking = True

    rank = 1
    operation = "mean"

    def call(self, x: Array, mask: ArrayLike | None = None) -> Array:
        if mask is None:
            return super().call(x)
        self.compute_output_shape(x.shape)
        (steps,) = self.spatial_axes
        counted = np.asarray(mask).astype(bool)
        if counted.shape != (x.shape[0], x.shape[steps]):
            raise ValueError(
                f"{self._op}: mask must have the shape {(x.shape[0], x.shape[steps])} of samples and steps. "
                f"Received: mask.shape={counted.shape}."
            )
        counted = np.expand_dims(counted, 3 - steps)
        count = np.maximum(counted.sum(axis=steps, keepdims=self.keepdims, dtype=x.dtype), 1)
        return ops.divide(ops.sum(ops.where(counted, x, 0), steps, self.keepdims), count)
