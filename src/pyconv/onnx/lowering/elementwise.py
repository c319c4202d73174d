"""Functions of each number, sums and products: Unary and Binary nodes."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from pyconv.onnx.lowering.registry import Samples, lowers, numbers, operand, require, value
from pyconv.program.graph import Value
from pyconv.program.kinds import Binary, Unary
from pyconv.program.lowering.registry import NotLoweredError, constant

_FLOAT = 1  # the number of float32 among ONNX' types
_UNARY = {
    "Abs": "abs",
    "Erf": "erf",
    "Exp": "exp",
    "HardSwish": "hard_silu",
    "Log": "log",
    "Mish": "mish",
    "Neg": "neg",
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Sqrt": "sqrt",
    "Tanh": "tanh",
}
_BINARY = {"Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div"}  # as they are since version 7
_VARIADIC = {"Max": "max", "Min": "min", "Sum": "add"}


def _unary(name: str, function: str) -> None:
    lowers(name)(lambda to, x: to.add(Unary(function), value(x)))


def _binary(name: str, function: str, since: int | None) -> None:
    lowers(name, since=since)(lambda to, *arrays: _broadcast(to, function, *arrays))


for _name, _function in _UNARY.items():
    _unary(_name, _function)
for _name, _function in _BINARY.items():
    _binary(_name, _function, since=7)
for _name, _function in _VARIADIC.items():
    _binary(_name, _function, since=None)


def _broadcast(to: Samples, function: str, *arrays: Any) -> Value:
    """A function of two arrays, or of the result and the next one."""
    rank = max((len(x.shape) + 1 for x in arrays if isinstance(x, Value)), default=0)
    return functools.reduce(lambda a, b: to.add(Binary(function), a, b), (operand(x, rank) for x in arrays))


def _with_number(to: Samples, function: str, x: Value, number: float) -> Value:
    return to.add(Binary(function), x, constant(number))


@lowers("Pow")
def power(to: Samples, x: Any, exponent: Any) -> Value:
    require(isinstance(exponent, np.ndarray) and exponent.size == 1 and exponent.ndim <= len(value(x).shape) + 1)
    number = float(exponent.reshape(-1)[0])
    if number == 1:
        return value(x)
    functions = {2.0: "square", 0.5: "sqrt"}
    require(number in functions)
    return to.add(Unary(functions[number]), value(x))


@lowers("Reciprocal")
def reciprocal(to: Samples, x: Any) -> Value:
    return to.add(Binary("div"), constant(1), value(x))


@lowers("Clip")
def clip(to: Samples, x: Any, low: Any = None, high: Any = None, *, min: Any = None, max: Any = None) -> Value:
    lowest = min if low is None else numbers(low).item()
    highest = max if high is None else numbers(high).item()
    y = value(x)
    if lowest is not None and highest is not None:
        require(lowest <= highest)
        return to.add(Unary("relu6") if (lowest, highest) == (0, 6) else Unary("clip", (lowest, highest)), y)
    y = y if lowest is None else _with_number(to, "max", y, lowest)
    return y if highest is None else _with_number(to, "min", y, highest)


@lowers("LeakyRelu")
def leaky_relu(to: Samples, x: Any, *, alpha: float = 0.01) -> Value:
    return to.add(Unary("leaky_relu", (alpha,)), value(x))


@lowers("PRelu", since=7)
def prelu(to: Samples, x: Any, slope: Any) -> Value:
    low = _with_number(to, "min", value(x), 0.0)
    steep = to.add(Binary("mul"), low, operand(slope, len(x.shape) + 1))
    return to.add(Binary("add"), steep, to.add(Unary("relu"), x))


@lowers("Elu")
def elu(to: Samples, x: Any, *, alpha: float = 1.0) -> Value:
    return to.add(Unary("elu", (alpha,)), value(x))


@lowers("Gelu")
def gelu(to: Samples, x: Any, *, approximate: str = "none") -> Value:
    return to.add(Unary("gelu_tanh" if approximate == "tanh" else "gelu"), value(x))


@lowers("Swish")
def swish(to: Samples, x: Any, *, alpha: float = 1.0) -> Value:
    require(alpha == 1)
    return to.add(Unary("silu"), value(x))


@lowers("HardSigmoid")
def hard_sigmoid(to: Samples, x: Any, *, alpha: float = 0.2, beta: float = 0.5) -> Value:
    y = _with_number(to, "add", _with_number(to, "mul", value(x), alpha), beta)
    return to.add(Unary("clip", (0.0, 1.0)), y)


@lowers("Identity")
def identity(to: Samples, x: Any) -> Value:
    return value(x)


@lowers("Dropout")
def dropout(
    to: Samples,
    x: Any,
    ratio: Any = None,
    training_mode: Any = None,
    *,
    is_test: int = 1,
    seed: int = 0,
    **_: Any,
) -> Value:
    require(training_mode is None or (isinstance(training_mode, np.ndarray) and not training_mode.any()))
    return value(x)


@lowers("Cast")
def cast(graph: Samples, x: Any, *, to: int, **_: Any) -> Value:
    if to != _FLOAT:
        raise NotLoweredError
    return value(x)
