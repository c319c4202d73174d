"""Activation layers and those that do nothing in inference."""

from __future__ import annotations

import math
from typing import Any

from pyconv.program.graph import Value
from pyconv.program.kinds import Softmax, Unary
from pyconv.program.lowering.registry import Lowering, NotLoweredError, lowers


@lowers("Activation")
def activation(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    return to.activate(layer.activation, inputs[0])


@lowers("ReLU")
def relu(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    slope, most = layer.negative_slope, layer.max_value
    if layer.threshold != 0 or (slope != 0 and most is not None):
        raise NotLoweredError
    if most is not None:
        return to.add(Unary("relu6") if most == 6 else Unary("clip", (0.0, most)), inputs[0])
    return to.add(Unary("leaky_relu", (slope,)) if slope else Unary("relu"), inputs[0])


@lowers("LeakyReLU")
def leaky_relu(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    return to.add(Unary("leaky_relu", (layer.negative_slope,)), inputs[0])


@lowers("ELU")
def elu(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    return to.add(Unary("elu", (layer.alpha,)), inputs[0])


@lowers("Softmax")
def softmax(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    (x,) = inputs
    if layer.axis not in (-1, len(x.shape)) or not x.shape or math.prod(x.shape) == 0:
        raise NotLoweredError
    return to.add(Softmax(), x)


@lowers(
    "Identity",
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
)
def identity(_: Lowering, __: Any, inputs: list[Value]) -> Value:
    return inputs[0]
