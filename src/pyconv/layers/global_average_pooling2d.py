"""GlobalAveragePooling2D: the mean of each channel over the whole image. Means of windows are AveragePooling2D's."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers.layer import Layer, Shape
from pyconv.ops import geometry


class GlobalAveragePooling2D(Layer):
    """Takes the mean of each channel over all rows and columns.

    Args:
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        keepdims: whether the rows and columns stay as axes, with size one.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        (N, C); with keepdims (N, 1, 1, C), or (N, C, 1, 1) with "channels_first".

    Raises:
        ValueError: if data_format is another, or an image has no rows or columns.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import GlobalAveragePooling2D
    >>> image = np.arange(8.0).reshape(1, 2, 2, 2)
    >>> GlobalAveragePooling2D()(image)
    array([[3., 4.]], dtype=float32)
    """

    input_rank = 4

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = geometry.data_format(self._op, data_format)
        self.keepdims = bool(keepdims)

    def call(self, x: Array) -> Array:
        self.compute_output_shape(x.shape)  # refuses an empty image in the layer's name, not in ops.mean's
        return ops.mean(x, self._spatial_axes, self.keepdims)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check_input_shape(input_shape)
        if 0 in (input_shape[axis] for axis in self._spatial_axes):
            raise ValueError(
                f"{self._op}: inputs must have at least one row and one column. Received: inputs.shape={input_shape}."
            )
        if self.keepdims:
            return tuple(1 if axis in self._spatial_axes else size for axis, size in enumerate(input_shape))
        return tuple(size for axis, size in enumerate(input_shape) if axis not in self._spatial_axes)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"data_format": self.data_format, "keepdims": self.keepdims}

    @property
    def _spatial_axes(self) -> tuple[int, int]:
        return (2, 3) if self.data_format == "channels_first" else (1, 2)
