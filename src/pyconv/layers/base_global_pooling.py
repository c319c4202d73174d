"""What pooling over all of an image shares, for any rank. The subclasses set the rank and the operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from pyconv import ops
from pyconv.gradient import Array, recording
from pyconv.layers import settings
from pyconv.layers.base_spatial import SpatialLayer
from pyconv.layers.layer import Shape
from pyconv.ops.pooling import Operation, global_bound_to, global_pool

# The operation with a window that does what one over axes does.
_WINDOWED: dict[str, Operation] = {"max": "max_pool", "mean": "average_pool"}


class BaseGlobalPooling(SpatialLayer):
    """One number for each channel; see `GlobalAveragePooling2D` for the arguments."""

    operation: ClassVar[Literal["max", "mean"]]
    keepdims: bool

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())

    def call(self, x: Array) -> Array:
        if self.data_format == "channels_last" and not recording():
            kept = global_pool(_WINDOWED[self.operation], x)
            return kept if self.keepdims else kept.reshape(len(x), x.shape[-1])
        pooled: Array = getattr(ops, self.operation)(x, self.spatial_axes, self.keepdims)
        return pooled

    def bound_to(self, x: Array) -> Callable[[Array], Array | None] | None:
        if self.data_format != "channels_last":
            return None
        return global_bound_to(_WINDOWED[self.operation], x, None if self.keepdims else (len(x), x.shape[-1]))

    def check_input_shape(self, shape: Shape) -> None:
        super().check_input_shape(shape)
        if 0 in self.spatial(shape):
            raise ValueError(
                f"{self._op}: inputs must hold elements along each axis but the first. Received: inputs.shape={shape}."
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check_input_shape(input_shape)
        if self.keepdims:
            return self.with_spatial(input_shape, (1,) * self.rank)
        return (input_shape[0], input_shape[self.channel_axis])
