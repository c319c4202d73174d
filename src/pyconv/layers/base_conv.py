"""What Conv1D, Conv2D and Conv3D share; they set the rank and explain the arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_convolution import ConvolutionLayer
from pyconv.layers.layer import Shape
from pyconv.ops import geometry


class BaseConv(ConvolutionLayer):
    """A convolution with `rank` spatial axes; see `Conv2D` for the arguments."""

    filters: int
    groups: int

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: str | Callable[..., Array] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        settings.keep(self, locals())
        self.groups = geometry.integer(self._op, "groups", groups)
        if self.filters % self.groups:
            raise ValueError(
                f"{self._op}: filters must be divisible by groups. Received: filters={filters}, groups={groups}."
            )
        self.convolution = self.settled("conv")

    def output_channels(self, input_shape: Shape) -> int:
        return self.filters

    def add_kernels(self, channels: int) -> None:
        if channels % self.groups:
            raise ValueError(
                f"{self._op}: the input's channels must be divisible by groups. "
                f"Received: channels={channels}, groups={self.groups}."
            )
        self.kernel = settings.weight(self, "kernel", (*self.kernel_size, channels // self.groups, self.filters))
