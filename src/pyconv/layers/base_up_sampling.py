"""What UpSampling1D, UpSampling2D and UpSampling3D share; they set the rank."""

from __future__ import annotations

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers.base_spatial import SpatialLayer
from pyconv.layers.layer import Shape
from pyconv.ops.resampling import resample


class BaseUpSampling(SpatialLayer):
    """Each element several times along each spatial axis; see `UpSampling2D` for the arguments."""

    size: tuple[int, ...]
    interpolation: str = "nearest"

    def call(self, x: Array) -> Array:
        for axis, times in zip(self.spatial_axes, self.size, strict=True):
            if self.interpolation == "nearest":
                x = ops.repeat(x, times, axis)
            else:
                x = resample(x, axis, x.shape[axis] * times, self.interpolation)
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check_input_shape(input_shape)
        axes = zip(self.spatial(input_shape), self.size, strict=True)
        return self.with_spatial(input_shape, tuple(None if n is None else n * times for n, times in axes))
