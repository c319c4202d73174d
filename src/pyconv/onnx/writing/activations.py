"""Activation functions, alone or at the end of a layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pyconv import activations
from pyconv.onnx.writing.exporters import Call, exports
from pyconv.onnx.writing.writer import Writer

Written = Callable[[Writer, str], str]


def _gelu(w: Writer, x: str) -> str:
    inner = w.unary("Erf", w.unary("Mul", x, w.number(math.sqrt(0.5))))
    gate = w.unary("Mul", w.unary("Add", inner, w.number(1)), w.number(0.5))
    return w.broadcast("Mul", x, gate)


def _glu(w: Writer, x: str) -> str:
    value, gate = w.node("Split", x, outputs=2, axis=-1)
    result: str = w.node("Mul", value, w.node("Sigmoid", gate))
    return result


def _clip(low: float, high: float) -> Written:
    return lambda w, x: w.unary("Clip", x, w.number(low), w.number(high))


def _squareplus(w: Writer, x: str) -> str:
    root = w.unary("Sqrt", w.unary("Add", w.broadcast("Mul", x, x), w.number(4)))
    return w.unary("Mul", w.broadcast("Add", x, root), w.number(0.5))


_FUNCTIONS: dict[Callable[..., Any], Written] = {
    activations.celu: lambda w, x: w.unary("Celu", x),
    activations.elu: lambda w, x: w.unary("Elu", x),
    activations.exponential: lambda w, x: w.unary("Exp", x),
    activations.gelu: _gelu,
    activations.glu: _glu,
    activations.hard_shrink: lambda w, x: w.unary("Shrink", x, lambd=0.5, bias=0.0),
    activations.hard_sigmoid: lambda w, x: w.unary("HardSigmoid", x, alpha=1 / 6, beta=0.5),
    activations.hard_silu: lambda w, x: w.unary("HardSwish", x),
    activations.hard_tanh: _clip(-1, 1),
    activations.leaky_relu: lambda w, x: w.unary("LeakyRelu", x, alpha=0.2),
    activations.linear: lambda w, x: x,
    activations.log_sigmoid: lambda w, x: w.unary("Neg", w.unary("Softplus", w.unary("Neg", x))),
    activations.log_softmax: lambda w, x: w.node("LogSoftmax", x, axis=-1),
    activations.mish: lambda w, x: w.broadcast("Mul", x, w.unary("Tanh", w.unary("Softplus", x))),
    activations.relu: lambda w, x: w.unary("Relu", x),
    activations.relu6: _clip(0, 6),
    activations.selu: lambda w, x: w.unary("Selu", x),
    activations.sigmoid: lambda w, x: w.unary("Sigmoid", x),
    activations.silu: lambda w, x: w.broadcast("Mul", x, w.unary("Sigmoid", x)),
    activations.soft_shrink: lambda w, x: w.unary("Shrink", x, lambd=0.5, bias=0.5),
    activations.softmax: lambda w, x: w.node("Softmax", x, axis=-1),
    activations.softplus: lambda w, x: w.unary("Softplus", x),
    activations.softsign: lambda w, x: w.unary("Softsign", x),
    activations.squareplus: _squareplus,
    activations.tanh: lambda w, x: w.unary("Tanh", x),
    activations.tanh_shrink: lambda w, x: w.broadcast("Sub", x, w.unary("Tanh", x)),
}


def activate(writer: Writer, call: Call, x: str, activation: Any) -> str:
    """The activation's result; a layer may be one."""
    written = _FUNCTIONS.get(activation)
    if written is None:
        raise call.refuse(f"the activation {getattr(activation, '__name__', activation)!r} has no ONNX form here")
    return written(writer, x)


@exports("Activation")
def activation_layer(writer: Writer, call: Call, x: str) -> str:
    return activate(writer, call, x, call.layer.activation)


@exports("ReLU")
def relu(writer: Writer, call: Call, x: str) -> str:
    layer = call.layer
    slope, most, threshold = layer.negative_slope, layer.max_value, layer.threshold
    if not threshold and not slope:
        return writer.unary("Relu", x) if most is None else _clip(0, most)(writer, x)
    above = writer.unary("ThresholdedRelu", x, alpha=threshold) if threshold else writer.unary("Relu", x)
    if most is not None:
        above = writer.unary("Min", above, writer.number(most))
    if not slope:
        return above
    low = writer.unary("Min", writer.unary("Sub", x, writer.number(threshold)), writer.number(0))
    return writer.broadcast("Add", above, writer.unary("Mul", low, writer.number(slope)))


@exports("LeakyReLU")
def leaky_relu(writer: Writer, call: Call, x: str) -> str:
    return writer.unary("LeakyRelu", x, alpha=call.layer.negative_slope)


@exports("ELU")
def elu(writer: Writer, call: Call, x: str) -> str:
    return writer.unary("Elu", x, alpha=call.layer.alpha)


@exports("PReLU")
def prelu(writer: Writer, call: Call, x: str) -> str:
    result: str = writer.node("PRelu", x, writer.number(call.layer.alpha.value))
    return result


@exports("Softmax")
def softmax(writer: Writer, call: Call, x: str) -> str:
    axis = call.layer.axis
    axes = axis if isinstance(axis, list | tuple) else [axis]
    if len(axes) > 1:
        raise call.refuse("ONNX has softmax along one axis")
    result: str = writer.node("Softmax", x, axis=int(axes[0]))
    return result
