"""Convolutions, depthwise, separable and dense layers as Conv nodes, and transposed ones as ConvTranspose."""

from __future__ import annotations

from typing import Any

from pyconv import config
from pyconv.gradient import Array
from pyconv.ops import geometry
from pyconv.ops.conv_plans import Settled
from pyconv.ops.conv_transpose import problem_of
from pyconv.program.graph import Value
from pyconv.program.kinds import Conv, ConvTranspose
from pyconv.program.lowering.registry import Lowering, NotLoweredError, lowers, lowers_spatial
from pyconv.variable import Variable


@lowers_spatial("Conv1D", "Conv2D", "Conv3D")
def conv(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    y = _convolved(to, layer.convolution, inputs[0], layer.kernel, layer.bias, layer.groups)
    return to.activate(layer.activation, y)


@lowers_spatial("DepthwiseConv1D", "DepthwiseConv2D")
def depthwise_conv(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    y = _convolved(to, layer.convolution, inputs[0], layer.kernel, layer.bias)
    return to.activate(layer.activation, y)


@lowers_spatial("SeparableConv1D", "SeparableConv2D")
def separable_conv(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    y = _convolved(to, layer.convolution, inputs[0], layer.depthwise_kernel, None)
    one = (1,) * layer.rank
    y = _convolved(to, Settled("conv", one, "valid", one, False), y, layer.pointwise_kernel, layer.bias)
    return to.activate(layer.activation, y)


@lowers_spatial("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def conv_transpose(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    (x,), weights = inputs, _numbers(to, layer.kernel)
    conv = problem_of(config.get_precision(), layer.transposition, weights.dtype, (1, *x.shape), weights.shape)
    kind = ConvTranspose(weights, to.read(layer.bias), conv.strides, conv.pads, conv.dilation, conv.input_size)
    return to.activate(layer.activation, to.add(kind, x))


@lowers("Dense")
def dense(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    weights = _numbers(to, layer.kernel)
    kind = Conv(weights[None], to.read(layer.bias), (1,), ((0, 0),), (1,), dense=True)
    return to.activate(layer.activation, to.add(kind, inputs[0]))


def _convolved(
    to: Lowering, settled: Settled, x: Value, kernel: Variable, bias: Variable | None, groups: int = 1
) -> Value:
    weights = _numbers(to, kernel)
    if settled.op == "depthwise_conv":
        # Channel c and filter m make result c * M + m: the same numbers in the same order.
        groups, weights = x.shape[-1], weights.reshape(*weights.shape[:-2], 1, -1)
    *size, _ = x.shape
    pads = geometry.resolve_pads(
        settled.op, settled.padding, size, weights.shape[:-2], settled.strides, settled.dilation
    )
    return to.add(Conv(weights, to.read(bias), settled.strides, pads, settled.dilation, groups), x)


def _numbers(to: Lowering, kernel: Variable) -> Array:
    weights = to.read(kernel)
    if weights is None:
        raise NotLoweredError
    return weights
