"""What Conv1DTranspose, Conv2DTranspose and Conv3DTranspose share; they set the rank and explain the arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconv import activations
from pyconv.gradient import Array, recording
from pyconv.layers import settings
from pyconv.layers.base_convolution import ConvolutionLayer
from pyconv.layers.layer import Shape
from pyconv.ops.conv_transpose import SettledTranspose, bound_to, output_size, settle_transpose, transposed


class BaseConvTranspose(ConvolutionLayer):
    """A transposed convolution with `rank` spatial axes; see `Conv2DTranspose` for the arguments."""

    filters: int
    output_padding: tuple[int, ...] | None
    transposition: SettledTranspose

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: Any = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        self.transposition = settle_transpose(
            self._op, self.rank, self.strides, self.padding, output_padding, self.data_format, self.dilation_rate
        )
        self.output_padding = self.transposition.output_padding

    def output_channels(self, input_shape: Shape) -> int:
        return self.filters

    def output_size(self, input_size: Shape) -> Shape:
        return output_size(self._op, self.transposition, input_size, self.kernel_size)

    def add_kernels(self, channels: int) -> None:
        self.kernel = settings.weight(self, "kernel", (*self.kernel_size, self.filters, channels))

    def call(self, x: Array) -> Array:
        fused = None if recording() else activations.fused(self.activation)
        y = transposed(self.transposition, x, self.kernel, self.bias, fused or "linear")
        return y if fused else self.activation(y)

    def bound_to(self, x: Array) -> Callable[[Array], Array | None] | None:
        fused = activations.fused(self.activation)
        return bound_to(self.transposition, x, self.kernel, self.bias, fused) if fused else None
