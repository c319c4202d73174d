"""What convolution layers of any rank share: arguments, weights, shapes, the call. The subclasses set the rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from pyconv import activations, initializers
from pyconv.gradient import Array
from pyconv.layers.layer import Layer, Shape
from pyconv.ops import geometry
from pyconv.ops.conv import convolve, settle
from pyconv.variable import Variable


class BaseConv(Layer):
    """A convolution layer with `rank` spatial axes; see `Conv2D` for the arguments."""

    rank: ClassVar[int]
    kernel: Variable
    bias: Variable | None

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
        kernel_regularizer: None = None,
        bias_regularizer: None = None,
        activity_regularizer: None = None,
        kernel_constraint: None = None,
        bias_constraint: None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.input_rank = self.rank + 2
        self._refuse_unsupported(
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self.filters = geometry.integer(self._op, "filters", filters)
        self.groups = geometry.integer(self._op, "groups", groups)
        if self.filters % self.groups:
            raise ValueError(
                f"{self._op}: filters must be divisible by groups. Received: filters={filters}, groups={groups}."
            )
        self.kernel_size = geometry.int_tuple(self._op, "kernel_size", kernel_size, self.rank)
        self.strides = geometry.int_tuple(self._op, "strides", strides, self.rank)
        self.dilation_rate = geometry.int_tuple(self._op, "dilation_rate", dilation_rate, self.rank)
        self.padding = padding.lower() if isinstance(padding, str) else padding
        self._output_size((None,) * self.rank)  # refuses a bad padding here rather than at the first call
        self.data_format = geometry.data_format(self._op, data_format)
        self.convolution = settle("conv", self.rank, self.strides, self.padding, self.data_format, self.dilation_rate)
        self.activation: Callable[..., Array] = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer: Any = initializers.get(kernel_initializer)
        self.bias_initializer: Any = initializers.get(bias_initializer)

    def build(self, input_shape: Shape) -> None:
        axis = self._channel_axis
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(
                f"{self._op}: the number of channels must be known when {self.name!r} is built. "
                f"Received: input_shape={input_shape}."
            )
        if channels % self.groups:
            raise ValueError(
                f"{self._op}: the input's channels must be divisible by groups. "
                f"Received: channels={channels}, groups={self.groups}."
            )
        self.compute_output_shape(input_shape)
        kernel_shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_weight(kernel_shape, self.kernel_initializer, name="kernel")
        self.bias = self.add_weight((self.filters,), self.bias_initializer, name="bias") if self.use_bias else None
        self.input_axes = {axis: channels}

    def call(self, x: Array) -> Array:
        fused = activations.fused(self.activation)
        y = convolve(self.convolution, x, self.kernel, self.bias, activation=fused or "linear")
        return y if fused else self.activation(y)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check_input_shape(input_shape)
        if self.data_format == "channels_first":
            return (input_shape[0], self.filters, *self._output_size(input_shape[2:]))
        return (input_shape[0], *self._output_size(input_shape[1:-1]), self.filters)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "groups": self.groups,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
        }

    @property
    def _channel_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    def _output_size(self, input_size: Shape) -> Shape:
        return geometry.output_size(
            self._op, self.padding, input_size, self.kernel_size, self.strides, self.dilation_rate
        )
