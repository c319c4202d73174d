"""What layers that bring images to one size share: the window that has its proportions. Resizing alone may fill up."""

from __future__ import annotations

from pyconv.gradient import Array
from pyconv.layers.base_spatial import SpatialLayer
from pyconv.layers.layer import Shape
from pyconv.ops import geometry
from pyconv.ops.padding import crop
from pyconv.ops.resampling import resample


class BaseResizing(SpatialLayer):
    """Images that become height x width."""

    rank = 2
    height: int
    width: int

    def keep_size(self, height: int, width: int) -> None:
        """Checks the result's size and keeps it."""
        self.height = geometry.integer(self._op, "height", height)
        self.width = geometry.integer(self._op, "width", width)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check_input_shape(input_shape)
        if 0 in self.spatial(input_shape):
            raise ValueError(
                f"{self._op}: inputs must have at least one row and one column. Received: inputs.shape={input_shape}."
            )
        return self.with_spatial(input_shape, (self.height, self.width))

    def resized(self, x: Array, interpolation: str = "bilinear", antialias: bool = False) -> Array:
        """The images at the result's size, distorted where their proportions are others."""
        for axis, wanted in zip(self.spatial_axes, (self.height, self.width), strict=True):
            x = resample(x, axis, wanted, interpolation, antialias=antialias)
        return x

    def largest_window(self, x: Array) -> Array:
        """The middle of the images, as large as it may be with the proportions of the result."""
        return crop(x, self.pairs(x, self.shares(x, largest=False)))

    def window(self, x: Array, top: int, left: int) -> Array:
        """The part of the images that begins there and is as large as the result."""
        starts = dict(zip(self.spatial_axes, ((top, self.height), (left, self.width)), strict=True))
        sizes = enumerate(x.shape)
        return crop(x, tuple((starts[a][0], n - sum(starts[a])) if a in starts else (0, 0) for a, n in sizes))

    def room(self, x: Array) -> tuple[int, int]:
        """How many rows and columns more than the result the images have; negative where they have fewer."""
        rows, columns = (x.shape[axis] for axis in self.spatial_axes)
        return rows - self.height, columns - self.width

    def shares(self, x: Array, *, largest: bool) -> tuple[int, ...]:
        """How many rows and columns too many, or too few, there are for the ratio of height to width."""
        rows, columns = (x.shape[axis] for axis in self.spatial_axes)
        fitting = int(columns * self.height / self.width), int(rows * self.width / self.height)
        if largest:
            return max(rows, fitting[0]) - rows, max(columns, fitting[1]) - columns
        return rows - max(min(rows, fitting[0]), 1), columns - max(min(columns, fitting[1]), 1)

    def pairs(self, x: Array, shares: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
        """The shares divided between both sides of their axes."""
        pairs = [(0, 0)] * x.ndim
        for axis, share in zip(self.spatial_axes, shares, strict=True):
            pairs[axis] = (share // 2, share - share // 2)
        return tuple(pairs)
