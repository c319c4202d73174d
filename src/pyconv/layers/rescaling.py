"""Rescaling: inputs times a number plus another, as for pixels of 0 to 255."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyconv import config, ops
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.layer import Layer, Shape
from pyconv.ops.arrays import as_float


class Rescaling(Layer):
    """y = x * scale + offset.

    Args:
        scale: a number, or a list of them that is broadcast to the input: one a channel, say.
        offset: likewise.
        **kwargs: name, dtype, trainable, input_shape.

    Raises:
        TypeError: if scale or offset doesn't hold numbers.
        ValueError: if they can't be broadcast to the input.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Rescaling
    >>> Rescaling(1 / 127.5, offset=-1)(np.array([0, 255], np.uint8))
    array([-1.,  1.], dtype=float32)
    """

    supports_masking = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        for name, number in (("scale", scale), ("offset", offset)):
            as_float(self._op, name, np.asarray(number))  # refuses what doesn't hold numbers
        self.scale, self.offset = (a.tolist() if isinstance(a, np.ndarray) else a for a in (scale, offset))

    def call(self, x: Array) -> Array:
        factor, offset = np.asarray(self.scale, self.dtype), np.asarray(self.offset, self.dtype)
        if factor.ndim and config.image_data_format() == "channels_first":  # as Keras does, and with scale alone
            factor = factor.reshape(*factor.shape, *(1,) * (3 - factor.ndim))
        return ops.add(ops.multiply(x, factor), offset)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
