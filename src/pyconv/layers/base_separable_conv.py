"""What SeparableConv1D and SeparableConv2D share; they set the rank and explain the arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconv import activations
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_convolution import ConvolutionLayer
from pyconv.layers.layer import Shape
from pyconv.ops.separable_conv import separate
from pyconv.variable import Variable


class BaseSeparableConv(ConvolutionLayer):
    """Depthwise, then 1x1 convolution; see `SeparableConv2D` for the arguments."""

    filters: int
    depth_multiplier: int
    depthwise_kernel: Variable
    pointwise_kernel: Variable

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: str | Callable[..., Array] | None = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        settings.keep(self, locals())
        self.convolution = self.settled("depthwise_conv")

    def output_channels(self, input_shape: Shape) -> int:
        return self.filters

    def add_kernels(self, channels: int) -> None:
        self.depthwise_kernel = settings.weight(
            self, "depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise"
        )
        self.pointwise_kernel = settings.weight(
            self, "pointwise_kernel", ((1,) * self.rank + (channels * self.depth_multiplier, self.filters)), "pointwise"
        )

    def call(self, x: Array) -> Array:
        fused = activations.fused(self.activation)
        kernels = self.depthwise_kernel, self.pointwise_kernel
        y = separate(self.convolution, x, *kernels, self.bias, fused or "linear")
        return y if fused else self.activation(y)
