"""What DepthwiseConv1D and DepthwiseConv2D share; they set the rank and explain the arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_convolution import ConvolutionLayer
from pyconv.layers.layer import Shape


class BaseDepthwiseConv(ConvolutionLayer):
    """A convolution of each channel by itself; see `DepthwiseConv2D` for the arguments."""

    depth_multiplier: int

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: str | Callable[..., Array] | None = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        settings.keep(self, locals())
        self.convolution = self.settled("depthwise_conv")

    def output_channels(self, input_shape: Shape) -> int:
        return self.known_channels(input_shape) * self.depth_multiplier

    def add_kernels(self, channels: int) -> None:
        self.kernel = settings.weight(self, "kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise")
