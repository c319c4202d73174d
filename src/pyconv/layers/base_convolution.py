"""What all convolution layers share, whatever their kernels: the window's arguments, the bias, shapes, the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconv import activations
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.base_spatial import SpatialLayer
from pyconv.layers.layer import Shape
from pyconv.ops import geometry
from pyconv.ops.conv import bound_to, convolve, settle
from pyconv.ops.conv_plans import Operation, Settled
from pyconv.variable import Variable


class ConvolutionLayer(SpatialLayer):
    """A learnt kernel slides over the input. The arguments are attributes of their names, see `settings.keep`."""

    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: Any
    dilation_rate: tuple[int, ...]
    activation: Callable[..., Array]
    use_bias: bool
    kernel: Variable
    bias: Variable | None
    convolution: Settled

    def output_channels(self, input_shape: Shape) -> int:
        """How many channels come out where an input of this shape goes in."""
        raise NotImplementedError

    def add_kernels(self, channels: int) -> None:
        """Makes the weights but for the bias."""
        raise NotImplementedError

    def build(self, input_shape: Shape) -> None:
        channels = self.known_channels(input_shape)
        self.compute_output_shape(input_shape)
        self.add_kernels(channels)
        filters = self.output_channels(input_shape)
        self.bias = settings.weight(self, "bias", (filters,)) if self.use_bias else None
        self.input_axes = {self.channel_axis: channels}

    def call(self, x: Array) -> Array:
        fused = activations.fused(self.activation)
        y = convolve(self.convolution, x, self.kernel, self.bias, activation=fused or "linear")
        return y if fused else self.activation(y)

    def linear(self, x: Array) -> Array:
        """What `call` gives before the activation."""
        return convolve(self.convolution, x, self.kernel, self.bias)

    def bound_to(self, x: Array) -> Callable[[Array], Array | None] | None:
        fused = activations.fused(self.activation)
        return bound_to(self.convolution, x, self.kernel, self.bias, fused) if fused else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.check_input_shape(input_shape)
        sizes = self.output_size(self.spatial(input_shape))
        return self.with_spatial(input_shape, sizes, self.output_channels(input_shape))

    def output_size(self, input_size: Shape) -> Shape:
        """How many windows fit along each spatial axis, None where that isn't known."""
        return geometry.output_size(
            self._op, self.convolution.padding, input_size, self.kernel_size, self.strides, self.dilation_rate
        )

    def settled(self, op: Operation) -> Settled:
        """The window's arguments, checked in the layer's name: as the operation wants them."""
        padding = self.padding
        if padding == "causal" and op == "conv" and self.rank == 1:
            # Zeros in front alone: result t sees inputs up to t and none after it.
            padding = (((self.kernel_size[0] - 1) * self.dilation_rate[0], 0),)
        padding = geometry.settled_padding(self._op, padding, self.rank)
        return settle(op, self.rank, self.strides, padding, self.data_format, self.dilation_rate)

    def known_channels(self, shape: Shape) -> int:
        """How many channels go in; raises ValueError where that isn't known."""
        channels = shape[self.channel_axis]
        if channels is None:
            raise ValueError(
                f"{self._op}: the number of channels must be known when {self.name!r} is built. "
                f"Received: input_shape={shape}."
            )
        return channels
