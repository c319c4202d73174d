"""What pooling to a given output size shares, for any rank. The subclasses set the rank and the operation."""

from __future__ import annotations

from typing import Any, ClassVar

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_spatial import SpatialLayer
from pyconv.layers.layer import Shape
from pyconv.ops.adaptive_pool import Operation, output_sizes


class BaseAdaptivePooling(SpatialLayer):
    """As many windows as are asked for; see `AdaptiveAveragePooling2D` for the arguments."""

    operation: ClassVar[Operation]

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.output_size = output_sizes(self._op, output_size, self.rank)

    def call(self, x: Array) -> Array:
        pooled: Array = getattr(ops, self.operation)(x, self.output_size, self.data_format)
        return pooled

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check_input_shape(input_shape)
        sizes = zip(self.output_size, self.spatial(input_shape), strict=True)
        return self.with_spatial(input_shape, tuple(n if wanted is None else wanted for wanted, n in sizes))
