"""Activation functions by their Keras names. The arithmetic is in `pyconv.ops`."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from numpy.typing import ArrayLike

from pyconv.gradient import Array
from pyconv.operators import OwnFunction
from pyconv.ops import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh,
    tanh_shrink,
    threshold,
)
from pyconv.ops import exp as exponential
from pyconv.ops import gelu as _gelu
from pyconv.ops import relu as _plain_relu
from pyconv.ops.arrays import as_float
from pyconv.ops.conv_plans import Activation as FusedActivation
from pyconv.ops.elementwise import rectify

__all__ = [
    "celu",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "tanh",
    "tanh_shrink",
    "threshold",
]

Activation = Callable[..., Any]


def linear(x: ArrayLike) -> Array:
    """The identity: x itself."""
    return as_float("linear", "x", x)


def gelu(x: ArrayLike, approximate: bool = False) -> Array:
    """The product of x and the probability that a normal number is below x: `pyconv.ops.gelu`, exact by default."""
    return _gelu(x, approximate)


def relu(x: ArrayLike, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Array:
    """max(x, 0), or a relative of it.

    Args:
        x: an array.
        negative_slope: up to threshold the result is negative_slope * (x - threshold).
        max_value: the largest result, None for no bound.
        threshold: above it the result is x.

    Raises:
        ValueError: if one of the numbers is negative.

    Example:
    >>> from pyconv import activations
    >>> activations.relu([-1.0, 2.0, 9.0], max_value=6)
    array([0., 2., 6.], dtype=float32)
    """
    if negative_slope == 0 and max_value is None and threshold == 0:
        return _plain_relu(x)
    numbers = {"negative_slope": negative_slope, "max_value": max_value, "threshold": threshold}
    for name, number in numbers.items():
        if number is not None and not number >= 0:
            raise ValueError(f"relu: {name} must not be negative. Received: {name}={number}.")
    return rectify(x, negative_slope, max_value, threshold)


_FUNCTIONS: dict[str, Activation] = {
    "celu": celu,
    "elu": elu,
    "exponential": exponential,
    "gelu": gelu,
    "glu": glu,
    "hard_shrink": hard_shrink,
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": hard_silu,
    "hard_tanh": hard_tanh,
    "leaky_relu": leaky_relu,
    "linear": linear,
    "log_sigmoid": log_sigmoid,
    "log_softmax": log_softmax,
    "mish": mish,
    "relu": relu,
    "relu6": relu6,
    "selu": selu,
    "sigmoid": sigmoid,
    "silu": silu,
    "soft_shrink": soft_shrink,
    "softmax": softmax,
    "softplus": softplus,
    "softsign": softsign,
    "sparse_plus": sparse_plus,
    "sparse_sigmoid": sparse_sigmoid,
    "sparsemax": sparsemax,
    "squareplus": squareplus,
    "tanh": tanh,
    "tanh_shrink": tanh_shrink,
    "threshold": threshold,
}
_FUSED: dict[int, FusedActivation] = {
    id(linear): "linear",
    id(None): "linear",  # what a layer's attribute may be set to
    id(relu): "relu",
    id(relu6): "relu6",
    id(leaky_relu): "leaky_relu",
}
_ALIASES = {"hard_swish": "hard_silu", "swish": "silu"}


def get(identifier: str | dict[str, Any] | Activation | None) -> Activation:
    """The activation function that `identifier` means.

    Args:
        identifier: a name, a dict in which Keras wrote one as "config", a function (one of one's own may use Python's
            operators) or a layer, or None for `linear`.

    Raises:
        TypeError: if it is none of these.
        ValueError: if there is no activation of that name.

    Example:
    >>> from pyconv import activations
    >>> activations.get("relu") is activations.relu
    True
    """
    if identifier is None:
        return linear
    if callable(identifier):
        # A layer, or a callable object, is left what it is.
        is_own = isinstance(identifier, FunctionType) and not identifier.__module__.startswith("pyconv.")
        return OwnFunction(identifier) if is_own else identifier
    if isinstance(identifier, dict):
        identifier = identifier.get("config")
    if not isinstance(identifier, str):
        raise TypeError(f"activations.get: identifier must be a name, a function or None. Received: {identifier!r}.")
    if (function := _FUNCTIONS.get(_ALIASES.get(identifier, identifier))) is None:
        names = ", ".join(sorted([*_FUNCTIONS, *_ALIASES]))
        raise ValueError(f"activations.get: identifier must be one of {names}. Received: {identifier!r}.")
    return function


def fused(activation: Activation | None) -> FusedActivation | None:
    """The name by which a convolution applies this activation itself, None if it can't."""
    return _FUSED.get(id(activation))


def serialize(activation: Activation) -> str:
    """The name from which `get` makes this activation again.

    Raises:
        ValueError: if it isn't one of this module's functions.

    Example:
    >>> from pyconv import activations
    >>> activations.serialize(activations.softmax)
    'softmax'
    """
    for name, function in _FUNCTIONS.items():
        if function is activation:
            return name
    raise ValueError(
        f"activations.serialize: activation must be a function of pyconv.activations. Received: {activation!r}."
    )
