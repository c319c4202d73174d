"""Normalising and rescaling layers in inference: a factor and a number to add, or a LayerNorm node."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyconv import config, ops
from pyconv.program.graph import Value
from pyconv.program.kinds import Binary, LayerNorm
from pyconv.program.lowering.registry import Lowering, NotLoweredError, constant, lowers


@lowers("BatchNormalization")
def batch_normalization(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    (x,) = inputs
    mean, variance = to.read(layer.moving_mean), to.read(layer.moving_variance)
    gamma, beta = to.read(layer.gamma), to.read(layer.beta)
    assert mean is not None
    assert variance is not None
    # As ops.batch_normalization has it.
    factor = ops.rsqrt(ops.add(variance, layer.epsilon))
    factor = factor if gamma is None else factor * gamma
    shift = -(mean * factor) if beta is None else beta - mean * factor
    axis = layer.axis if layer.axis >= 0 else layer.axis + len(x.shape) + 1
    if axis < 1:
        raise NotLoweredError
    spread = tuple(size if place == axis else 1 for place, size in enumerate(x.shape, 1))
    y = to.add(Binary("mul"), x, constant(factor.reshape(spread)))
    return to.add(Binary("add"), y, constant(shift.reshape(spread)))


@lowers("Rescaling")
def rescaling(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    (x,) = inputs
    if np.ndim(layer.scale) and config.image_data_format() == "channels_first":
        raise NotLoweredError  # there the factor stands on another axis
    y = to.add(Binary("mul"), x, _of_a_sample(layer.scale, x))
    return to.add(Binary("add"), y, _of_a_sample(layer.offset, x))


@lowers("Normalization")
def normalization(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    (x,) = inputs
    to.read(layer.adapt_mean)
    to.read(layer.adapt_variance)
    if (mean := layer.mean) is None or (variance := layer.variance) is None:
        raise NotLoweredError
    deviation = np.maximum(np.sqrt(variance), config.epsilon())
    steps = [("mul", deviation), ("add", mean)] if layer.invert else [("sub", mean), ("div", deviation)]
    for function, operand in steps:
        x = to.add(Binary(function), x, _of_a_sample(operand, x))
    return x


@lowers("LayerNormalization")
def layer_normalization(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    (x,) = inputs
    if layer.axis not in ([-1], [len(x.shape)]):
        raise NotLoweredError
    return to.add(LayerNorm(to.read(layer.gamma), to.read(layer.beta), layer.epsilon), x)


@lowers("LayerScale")
def layer_scale(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    (x,) = inputs
    return to.add(Binary("mul"), x, constant(to.read(layer.gamma)))


def _of_a_sample(numbers: Any, x: Value) -> Value:
    """Numbers that are broadcast to a batch as a constant that is broadcast to each sample."""
    array = np.asarray(numbers, np.float32)
    while array.ndim > len(x.shape):
        if array.shape[0] != 1:
            raise NotLoweredError
        array = array[0]
    return constant(array)
