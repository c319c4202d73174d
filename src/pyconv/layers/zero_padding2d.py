"""ZeroPadding2D: zeros round images. Other borders are `pyconv.ops.pad`'s."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers.layer import Layer, Shape
from pyconv.ops import geometry


class ZeroPadding2D(Layer):
    """Puts rows and columns of zeros round images.

    Args:
        padding: an integer for all four sides, (rows, columns), or ((top, bottom), (left, right)).
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        (N, top + H + bottom, left + W + right, C), or (N, C, ...).

    Raises:
        TypeError: if padding doesn't consist of integers.
        ValueError: if it has another form or is negative.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import ZeroPadding2D
    >>> ZeroPadding2D(((1, 0), (2, 0)))(np.ones((1, 1, 1, 1))).reshape(2, 3)
    array([[0., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """

    input_rank = 4

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(padding, str):
            raise TypeError(f"{self._op}: padding must be an integer or pairs of them. Received: padding={padding!r}.")
        one = (1, 1)
        self.padding = geometry.resolve_pads(self._op, padding, one, one, one, one)
        self.data_format = geometry.data_format(self._op, data_format)

    def call(self, x: Array) -> Array:
        return ops.pad(x, self._pad_width)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check_input_shape(input_shape)
        return tuple(
            None if size is None else size + before + after
            for size, (before, after) in zip(input_shape, self._pad_width, strict=True)
        )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"padding": self.padding, "data_format": self.data_format}

    @property
    def _pad_width(self) -> tuple[tuple[int, int], ...]:
        none = (0, 0)
        return (none, none, *self.padding) if self.data_format == "channels_first" else (none, *self.padding, none)
