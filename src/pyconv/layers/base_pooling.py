"""What pooling layers of any rank share. The subclasses set the rank and the operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_spatial import SpatialLayer
from pyconv.layers.layer import Shape
from pyconv.ops import geometry
from pyconv.ops.pooling import Operation, bound_to, pool, settle


class BasePooling(SpatialLayer):
    """A pooling layer with `rank` spatial axes; see `MaxPooling2D` for the arguments."""

    operation: ClassVar[Operation]
    pool_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Any

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        strides = pool_size if strides is None else strides
        settings.keep(self, locals())
        padding = geometry.settled_padding(self._op, padding, self.rank)  # names the layer where it refuses
        self._settled = settle(self.operation, self.rank, self.pool_size, self.strides, padding, self.data_format)

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)

    def call(self, x: Array) -> Array:
        return pool(self._settled, x)

    def bound_to(self, x: Array) -> Callable[[Array], Array | None] | None:
        return bound_to(self._settled, x)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check_input_shape(input_shape)
        dense = (1,) * self.rank
        sizes = geometry.output_size(
            self._op, self.padding, self.spatial(input_shape), self.pool_size, self.strides, dense
        )
        return self.with_spatial(input_shape, sizes)


class BaseMaxPooling(BasePooling):
    """Max-pooling, which has a default window as in Keras."""

    operation = "max_pool"

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: Any = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)
