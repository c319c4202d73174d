"""Layers that free numbers of their mean and spread, or of known ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pyconv import config
from pyconv.onnx.writing.exporters import Call, exports
from pyconv.onnx.writing.writer import Writer
from pyconv.ops.geometry import axis_tuple


def _axes(call: Call, axis: Any) -> tuple[int, ...]:
    return axis_tuple("onnx.export", axis, len(call.inputs[0]))


def _scaled(writer: Writer, x: str, scale: Any, offset: Any, shape: Sequence[int]) -> str:
    """The product with scale and the sum with offset, where they are, broadcast in this shape."""
    for op, weight in (("Mul", scale), ("Add", offset)):
        if weight is not None:
            x = writer.node(op, x, writer.number(weight.value.reshape(shape)))
    return x


@exports("BatchNormalization")
def batch_normalization(writer: Writer, call: Call, x: str) -> str:
    layer, rank = call.layer, len(call.inputs[0])
    (axis,) = _axes(call, layer.axis)
    mean, variance = layer.moving_mean.value, layer.moving_variance.value
    gamma = np.ones_like(mean) if layer.gamma is None else layer.gamma.value
    beta = np.zeros_like(mean) if layer.beta is None else layer.beta.value
    numbers = [writer.number(each) for each in (gamma, beta, mean, variance)]
    order = (0, axis, *(each for each in range(1, rank) if each != axis))
    y = writer.node("BatchNormalization", writer.transposed(x, order), *numbers, epsilon=layer.epsilon)
    return writer.transposed(y, tuple(np.argsort(order).tolist()))


def _centred(writer: Writer, x: str, axes: Sequence[int], epsilon: float) -> str:
    """(x - mean) / sqrt(variance + epsilon) over axes."""
    centred = writer.node("Sub", x, writer.node("ReduceMean", x, axes=axes, keepdims=1))
    return _over_root(writer, centred, axes, epsilon)


def _over_root(writer: Writer, x: str, axes: Sequence[int], epsilon: float) -> str:
    """X / sqrt(mean of squares + epsilon) over axes."""
    spread = writer.node("ReduceMean", writer.node("Mul", x, x), axes=axes, keepdims=1)
    result: str = writer.node("Div", x, writer.node("Sqrt", writer.node("Add", spread, writer.number(epsilon))))
    return result


@exports("LayerNormalization")
def layer_normalization(writer: Writer, call: Call, x: str) -> str:
    layer, rank = call.layer, len(call.inputs[0])
    axes = _axes(call, layer.axis)
    sizes = call.known(call.inputs[0], axes)
    if axes == tuple(range(rank - len(axes), rank)) and layer.gamma is not None:
        inputs = [weight.value.reshape(sizes) for weight in (layer.gamma, layer.beta) if weight is not None]
        numbers = map(writer.number, inputs)
        result: str = writer.node("LayerNormalization", x, *numbers, axis=axes[0], epsilon=layer.epsilon)
        return result
    shape = [size if axis in axes and size else 1 for axis, size in enumerate(call.inputs[0])]
    return _scaled(writer, _centred(writer, x, axes, layer.epsilon), layer.gamma, layer.beta, shape)


@exports("GroupNormalization")
def group_normalization(writer: Writer, call: Call, x: str) -> str:
    """The channels brought to the front, cut into groups, each freed of its mean and spread, and brought back."""
    layer, rank = call.layer, len(call.inputs[0])
    (axis,) = _axes(call, layer.axis)
    order = (0, axis, *(each for each in range(1, rank) if each != axis))
    y = writer.transposed(x, order)
    groups = writer.node("Reshape", y, writer.integers(0, layer.groups, -1))
    y = writer.node("Reshape", _centred(writer, groups, [2], layer.epsilon), writer.node("Shape", y))
    y = _scaled(writer, y, layer.gamma, layer.beta, (-1, *(1,) * (rank - 2)))
    return writer.transposed(y, tuple(np.argsort(order).tolist()))


@exports("RMSNormalization")
def rms_normalization(writer: Writer, call: Call, x: str) -> str:
    axes = _axes(call, call.layer.axis)
    shape = [size if axis in axes and size else 1 for axis, size in enumerate(call.inputs[0])]
    return _scaled(writer, _over_root(writer, x, axes, call.layer.epsilon), call.layer.scale, None, shape)


@exports("UnitNormalization")
def unit_normalization(writer: Writer, call: Call, x: str) -> str:
    axes = writer.integers(*_axes(call, call.layer.axis))
    squares = writer.node("ReduceSum", writer.node("Mul", x, x), axes, keepdims=1)
    # The smallest sum of squares that isn't taken for zero, as in pyconv's layer and Keras'.
    result: str = writer.node("Div", x, writer.node("Sqrt", writer.node("Max", squares, writer.number(1e-12))))
    return result


@exports("Normalization")
def normalization(writer: Writer, call: Call, x: str) -> str:
    layer = call.layer
    if layer.mean is None:
        raise call.refuse("its mean isn't known yet")
    mean, deviation = writer.number(layer.mean), np.maximum(np.sqrt(layer.variance), config.epsilon())
    divisor = writer.number(deviation)
    if layer.invert:
        result: str = writer.node("Add", writer.node("Mul", x, divisor), mean)
    else:
        result = writer.node("Div", writer.node("Sub", x, mean), divisor)
    return result


@exports("LayerScale")
def layer_scale(writer: Writer, call: Call, x: str) -> str:
    result: str = writer.node("Mul", x, writer.number(call.layer.gamma.value))
    return result


@exports("Rescaling")
def rescaling(writer: Writer, call: Call, x: str) -> str:
    factor, offset = (np.asarray(number) for number in (call.layer.scale, call.layer.offset))
    if factor.ndim and config.image_data_format() == "channels_first":
        factor = factor.reshape(*factor.shape, *(1,) * (3 - factor.ndim))
    write = writer.node if factor.ndim or offset.ndim else writer.unary
    return str(write("Add", write("Mul", x, writer.number(factor)), writer.number(offset)))
