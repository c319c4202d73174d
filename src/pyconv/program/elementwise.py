"""The functions of Unary and Binary nodes by name: what they are in `pyconv.ops`. The core has kernels of the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconv import activations, ops
from pyconv.gradient import Array
from pyconv.ops.elementwise import NEGATIVE_SLOPE
from pyconv.ops.gated import erf
from pyconv.program.kinds import Softmax, Unary

UNARY: dict[str, Callable[..., Array]] = {
    "relu": ops.relu,
    "relu6": ops.relu6,
    "leaky_relu": ops.leaky_relu,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "silu": ops.silu,
    "hard_sigmoid": ops.hard_sigmoid,
    "hard_silu": ops.hard_silu,
    "gelu": lambda x: ops.gelu(x, approximate=False),
    "gelu_tanh": lambda x: ops.gelu(x, approximate=True),
    "elu": ops.elu,
    "selu": ops.selu,
    "exp": ops.exp,
    "log": ops.log,
    "sqrt": ops.sqrt,
    "rsqrt": ops.rsqrt,
    "softplus": ops.softplus,
    "softsign": ops.softsign,
    "erf": erf,
    "mish": ops.mish,
    "abs": ops.absolute,
    "neg": ops.negative,
    "square": ops.square,
    "clip": ops.clip,
}
BINARY: dict[str, Callable[..., Array]] = {
    "add": ops.add,
    "sub": ops.subtract,
    "mul": ops.multiply,
    "div": ops.divide,
    "max": ops.maximum,
    "min": ops.minimum,
}

# The core's operations of one number as functions of (x, alpha, beta): those that aren't among UNARY.
ELEMENT: dict[str, Callable[..., Array]] = {
    name: lambda x, alpha, beta, function=function: function(x)
    for name, function in UNARY.items()
    if name not in ("relu6", "leaky_relu", "elu", "selu", "clip")
} | {
    "leaky_relu": lambda x, alpha, beta: ops.leaky_relu(x, alpha),
    "clip": ops.clip,
    "elu": lambda x, alpha, beta: ops.multiply(ops.elu(x, alpha), beta),
    "hard_sigmoid": lambda x, alpha, beta: ops.clip(ops.add(ops.multiply(x, alpha), beta), 0, 1),
}

_ACTIVATIONS: dict[int, Unary | Softmax | None] = {
    id(None): None,
    id(activations.linear): None,
    id(activations.relu): Unary("relu"),
    id(activations.relu6): Unary("relu6"),
    id(activations.leaky_relu): Unary("leaky_relu", (NEGATIVE_SLOPE,)),
    id(activations.sigmoid): Unary("sigmoid"),
    id(activations.tanh): Unary("tanh"),
    id(activations.silu): Unary("silu"),
    id(activations.hard_sigmoid): Unary("hard_sigmoid"),
    id(activations.hard_silu): Unary("hard_silu"),
    id(activations.gelu): Unary("gelu"),
    id(activations.elu): Unary("elu", (1.0,)),
    id(activations.selu): Unary("selu"),
    id(activations.exponential): Unary("exp"),
    id(activations.softplus): Unary("softplus"),
    id(activations.mish): Unary("mish"),
    id(activations.softmax): Softmax(),
}


def is_known(activation: Any) -> bool:
    """Whether an activation has a kind of its own, or is none."""
    return id(activation) in _ACTIVATIONS


def kind_of(activation: Any) -> Unary | Softmax | None:
    """The kind of node that computes a known activation, None where nothing is to be done."""
    return _ACTIVATIONS[id(activation)]
