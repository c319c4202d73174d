"""What layers on signals, images and volumes share: how many spatial axes there are and where the channels stand."""

from __future__ import annotations

from typing import Any, ClassVar

from pyconv.layers.layer import Layer, Shape


class SpatialLayer(Layer):
    """A layer on (N, *spatial, C), or (N, C, *spatial) with "channels_first", with `rank` spatial axes."""

    rank: ClassVar[int]
    data_format: str

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.input_rank = self.rank + 2

    @property
    def channel_axis(self) -> int:
        """The axis of the channels."""
        return 1 if self.data_format == "channels_first" else -1

    @property
    def spatial_axes(self) -> tuple[int, ...]:
        """The other axes, without that of the batch."""
        first = 2 if self.data_format == "channels_first" else 1
        return tuple(range(first, first + self.rank))

    def spatial(self, shape: Shape) -> Shape:
        """The sizes of the spatial axes."""
        return tuple(shape[axis] for axis in self.spatial_axes)

    def with_spatial(self, shape: Shape, sizes: Shape, channels: int | None = None) -> Shape:
        """The shape with other sizes of the spatial axes, and other channels if they are given."""
        depth = shape[self.channel_axis] if channels is None else channels
        return (shape[0], depth, *sizes) if self.data_format == "channels_first" else (shape[0], *sizes, depth)
