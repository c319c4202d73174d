"""Convolutions, their transposes, and Dense."""

from __future__ import annotations

from typing import Any

from pyconv.gradient import Array
from pyconv.onnx.writing.activations import activate
from pyconv.onnx.writing.exporters import Call, back, exports, first
from pyconv.onnx.writing.writer import Writer
from pyconv.ops import geometry
from pyconv.ops.conv_transpose import crops


def window(call: Call, padding: Any, size: tuple[int, ...], strides: tuple[int, ...], dilation: tuple[int, ...]) -> Any:
    """ONNX' attributes for a window; "same" depends on sizes, and where they aren't known the runtime works it out."""
    attributes = {"kernel_shape": size, "strides": strides}
    if any(step > 1 for step in dilation):
        attributes["dilations"] = dilation
    sizes = call.layer.spatial(call.inputs[0])
    if padding == "same" and None in sizes:
        return attributes | {"auto_pad": "SAME_UPPER"}
    known = [size or 1 for size in sizes]
    pairs = geometry.resolve_pads("onnx.export", padding, known, size, strides, dilation)
    return attributes | {"pads": [before for before, _ in pairs] + [after for _, after in pairs]}


def _convolved(writer: Writer, call: Call, x: str, kernel: Array, bias: Array | None, group: int) -> str:
    """Conv with a kernel (*window, C / group, F), on images with channels first."""
    layer = call.layer
    rank = kernel.ndim - 2
    weights = writer.number(kernel.transpose(rank + 1, rank, *range(rank)))
    inputs = [x, weights] if bias is None else [x, weights, writer.number(bias)]
    attributes = window(call, layer.convolution.padding, layer.kernel_size, layer.strides, layer.dilation_rate)
    result: str = writer.node("Conv", *inputs, group=group, **attributes)
    return result


@exports("Conv1D", "Conv2D", "Conv3D")
def conv(writer: Writer, call: Call, x: str) -> str:
    layer = call.layer
    bias = layer.bias.value if layer.use_bias else None
    y = _convolved(writer, call, first(writer, call, x), layer.kernel.value, bias, layer.groups)
    return activate(writer, call, back(writer, call, y), layer.activation)


def _depthwise(kernel: Array) -> Array:
    """(*window, C, M) as (*window, 1, C * M)."""
    return kernel.reshape(*kernel.shape[:-2], 1, -1)


@exports("DepthwiseConv1D", "DepthwiseConv2D")
def depthwise_conv(writer: Writer, call: Call, x: str) -> str:
    layer = call.layer
    bias = layer.bias.value if layer.use_bias else None
    kernel = layer.kernel.value
    y = _convolved(writer, call, first(writer, call, x), _depthwise(kernel), bias, kernel.shape[-2])
    return activate(writer, call, back(writer, call, y), layer.activation)


@exports("SeparableConv1D", "SeparableConv2D")
def separable_conv(writer: Writer, call: Call, x: str) -> str:
    layer = call.layer
    kernel, points = layer.depthwise_kernel.value, layer.pointwise_kernel.value
    y = _convolved(writer, call, first(writer, call, x), _depthwise(kernel), None, kernel.shape[-2])
    weights = writer.number(points.transpose(layer.rank + 1, layer.rank, *range(layer.rank)))
    inputs = [y, weights, writer.number(layer.bias.value)] if layer.use_bias else [y, weights]
    return activate(writer, call, back(writer, call, writer.node("Conv", *inputs)), layer.activation)


@exports("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def conv_transpose(writer: Writer, call: Call, x: str) -> str:
    layer = call.layer
    kernel, rank = layer.kernel.value, layer.rank
    inputs = [first(writer, call, x), writer.number(kernel.transpose(rank + 1, rank, *range(rank)))]
    if layer.use_bias:
        inputs.append(writer.number(layer.bias.value))
    pairs = crops(layer.transposition, layer.kernel_size)
    y = writer.node(
        "ConvTranspose",
        *inputs,
        kernel_shape=layer.kernel_size,
        strides=layer.strides,
        dilations=layer.dilation_rate,
        pads=[before for before, _ in pairs] + [max(after, 0) for _, after in pairs],
        output_padding=[max(-after, 0) for _, after in pairs],
    )
    return activate(writer, call, back(writer, call, y), layer.activation)


@exports("Dense")
def dense(writer: Writer, call: Call, x: str) -> str:
    layer = call.layer
    y = writer.node("MatMul", x, writer.number(layer.kernel.value))
    if layer.use_bias:
        y = writer.node("Add", y, writer.number(layer.bias.value))
    return activate(writer, call, y, layer.activation)
