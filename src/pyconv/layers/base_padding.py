"""What layers that put zeros round an input, or cut its borders off, share. The subclasses set the rank."""

from __future__ import annotations

from typing import Any

from pyconv import ops
from pyconv.arguments import ArgumentTypeError
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_spatial import SpatialLayer
from pyconv.layers.layer import Shape
from pyconv.ops import geometry
from pyconv.ops.padding import crop


class BaseBorders(SpatialLayer):
    """Knows how many elements stand before and after each axis."""

    def pairs(self, name: str, value: Any) -> geometry.Pads:
        """The argument `name` as a (before, after) pair for each spatial axis."""
        if isinstance(value, str):
            raise ArgumentTypeError(
                f"{self._op}: {name} must be an integer or pairs of them. Received: {name}={value!r}."
            )
        if self.rank == 1:  # where Keras has one pair, without a tuple round it
            before, after = geometry.int_tuple(self._op, name, value, rank=2, minimum=0)
            return ((before, after),)
        return geometry.explicit_pads(self._op, name, value, self.rank)

    def every_axis(self, pairs: geometry.Pads) -> geometry.Pads:
        """The pairs with those of batch and channels, which are zeros."""
        none = (0, 0)
        return (none, none, *pairs) if self.data_format == "channels_first" else (none, *pairs, none)


class BaseZeroPadding(BaseBorders):
    """Zeros before and after each spatial axis; see `ZeroPadding2D` for the arguments."""

    padding: Any

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.pads = self.pairs("padding", padding)  # unlike Keras' attribute a pair an axis in one dimension, too
        self.padding = self.pads[0] if self.rank == 1 else self.pads

    def call(self, x: Array) -> Array:
        return ops.pad(x, self.every_axis(self.pads))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check_input_shape(input_shape)
        axes = zip(self.spatial(input_shape), self.pads, strict=True)
        return self.with_spatial(input_shape, tuple(None if n is None else n + b + a for n, (b, a) in axes))


class BaseCropping(BaseBorders):
    """Elements before and after each spatial axis are cut off; see `Cropping2D` for the arguments."""

    cropping: Any

    def __init__(self, cropping: Any, data_format: str | None = None, /, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = geometry.data_format(self._op, data_format)
        # In one dimension Keras knows channels_last alone, and its configuration says nothing of it.
        settings.keep(self, {"cropping": cropping} | ({"data_format": data_format} if self.rank > 1 else {}))
        self.crops = self.pairs("cropping", cropping)  # likewise
        self.cropping = self.crops[0] if self.rank == 1 else self.crops

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)

    def call(self, x: Array) -> Array:
        self.compute_output_shape(x.shape)
        return crop(x, self.every_axis(self.crops))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check_input_shape(input_shape)
        axes = list(zip(self.spatial(input_shape), self.crops, strict=True))
        if any(n is not None and before + after >= n for n, (before, after) in axes):
            raise ValueError(
                f"{self._op}: Values in `cropping` argument should be smaller than the corresponding spatial dimension "
                f"of the input: the `cropping` parameter of `{self._op}` layer must be smaller than the input. "
                f"Received: inputs.shape={input_shape}, cropping={self.cropping}."
            )
        return self.with_spatial(input_shape, tuple(None if n is None else n - b - a for n, (b, a) in axes))
