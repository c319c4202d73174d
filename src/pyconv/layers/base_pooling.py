"""What pooling layers of any rank share. The subclasses set the rank and the operation."""

from __future__ import annotations

from typing import Any, ClassVar

from pyconv.gradient import Array
from pyconv.layers.layer import Layer, Shape
from pyconv.ops import geometry
from pyconv.ops.pooling import Operation, pool, settle


class BasePooling(Layer):
    """A pooling layer with `rank` spatial axes; see `MaxPooling2D` for the arguments."""

    rank: ClassVar[int]
    operation: ClassVar[Operation]

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
        self.input_rank = self.rank + 2
        self.pool_size = geometry.int_tuple(self._op, "pool_size", pool_size, self.rank)
        self.strides = geometry.int_tuple(self._op, "strides", pool_size if strides is None else strides, self.rank)
        self.padding = padding.lower() if isinstance(padding, str) else padding
        self._output_size((None,) * self.rank)  # refuses a bad padding here rather than at the first call
        self.data_format = geometry.data_format(self._op, data_format)
        self._settled = settle(self.operation, self.rank, self.pool_size, self.strides, self.padding, self.data_format)

    def build(self, input_shape: Shape) -> None:
        self.compute_output_shape(input_shape)

    def call(self, x: Array) -> Array:
        return pool(self._settled, x)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check_input_shape(input_shape)
        if self.data_format == "channels_first":
            return (*input_shape[:2], *self._output_size(input_shape[2:]))
        return (input_shape[0], *self._output_size(input_shape[1:-1]), input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
        }

    def _output_size(self, input_size: Shape) -> Shape:
        dense = (1,) * self.rank
        return geometry.output_size(self._op, self.padding, input_size, self.pool_size, self.strides, dense)
