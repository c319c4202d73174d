"""Resizing: images brought to one size, whatever theirs. Whole factors without arguments are UpSampling2D's."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_resizing import BaseResizing
from pyconv.ops.resampling import INTERPOLATIONS


class Resizing(BaseResizing):
    """Resizes images to height x width.

    Args:
        height: the rows of the result.
        width: its columns.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: whether what is too wide or too high is cut off on both sides first, so that nothing is
            distorted.
        pad_to_aspect_ratio: whether what is too narrow or too low is filled up on both sides first instead.
        fill_mode: "constant", the only way to fill.
        fill_value: the number that is filled in.
        antialias: whether all pixels count where images become smaller; otherwise those between the ones read don't.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with "channels_first".

    Output shape:
        (N, height, width, C), or (N, C, height, width).

    Raises:
        TypeError: if a size isn't an integer.
        ValueError: if a size is less than 1, an argument is another word, or images have no pixels.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Resizing
    >>> Resizing(2, 4)(np.array([0.0, 4.0]).reshape(1, 1, 2, 1))[0, 0, :, 0]
    array([0., 1., 3., 4.], dtype=float32)
    """

    antialias: bool
    crop_to_aspect_ratio: bool
    pad_to_aspect_ratio: bool

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.keep_size(height, width)
        self.interpolation = str(interpolation).lower()
        self.fill_value = real_number(self._op, "fill_value", fill_value, float("-inf"), float("inf"))
        allowed = {
            "interpolation": (self.interpolation, INTERPOLATIONS),
            "fill_mode": (fill_mode, ("constant",)),
        }
        for name, (given, choices) in allowed.items():
            if given not in choices:
                raise ValueError(f"{self._op}: {name} must be one of {choices}. Received: {name}={given!r}.")
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError(f"{self._op}: only one of crop_to_aspect_ratio and pad_to_aspect_ratio may be True.")

    def call(self, x: Array) -> Array:
        self.compute_output_shape(x.shape)
        if self.crop_to_aspect_ratio:
            x = self.largest_window(x)
        elif self.pad_to_aspect_ratio:
            x = ops.pad(x, self.pairs(x, self.shares(x, largest=True)), constant_values=self.fill_value)
        return self.resized(x, self.interpolation, self.antialias)
