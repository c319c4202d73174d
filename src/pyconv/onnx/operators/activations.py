"""Functions of one element that serve as activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pyconv import ops
from pyconv.gradient import Array
from pyconv.onnx.operators.floats import as_core_float, as_dtype_of
from pyconv.onnx.registry import operator
from pyconv.ops.gated import erf


def _from_ops(name: str, function: Callable[[Array], Array]) -> None:
    operator(name, layout="elementwise")(lambda x: as_dtype_of(function(as_core_float(x)), x))


_from_ops("Erf", erf)
_from_ops("Mish", ops.mish)
_from_ops("Sigmoid", ops.sigmoid)
_from_ops("Softplus", ops.softplus)
_from_ops("Softsign", ops.softsign)
_from_ops("Tanh", ops.tanh)


@operator("Relu", layout="elementwise")
def relu(x: Array) -> Array:
    y: Array = np.maximum(x, x.dtype.type(0))
    return y


@operator("LeakyRelu", layout="elementwise")
def leaky_relu(x: Array, *, alpha: float = 0.01) -> Array:
    low = x * x.dtype.type(alpha)
    y: Array = np.maximum(x, low) if 0 <= alpha <= 1 else np.where(x < 0, low, x)
    return y


@operator("ThresholdedRelu", layout="elementwise")
def thresholded_relu(x: Array, *, alpha: float = 1.0) -> Array:
    return np.where(x > alpha, x, x.dtype.type(0))


@operator("PRelu", since=7, layout="broadcast")
def prelu(x: Array, slope: Array) -> Array:
    y = np.minimum(x, 0)
    y *= slope
    y += np.maximum(x, 0)
    return as_dtype_of(y, x)


@operator("PRelu")
def prelu_of_channels(x: Array, slope: Array) -> Array:
    """Before version 7 the slopes were those of the channels."""
    return prelu(x, slope.reshape(-1, *(1,) * (x.ndim - 2)) if slope.ndim == 1 and slope.size > 1 else slope)


@operator("Elu", layout="elementwise")
def elu(x: Array, *, alpha: float = 1.0) -> Array:
    return as_dtype_of(ops.elu(as_core_float(x), alpha), x)


@operator("Celu", layout="elementwise")
def celu(x: Array, *, alpha: float = 1.0) -> Array:
    y = np.maximum(x, 0) + np.minimum(alpha * np.expm1(np.minimum(x, 0) / alpha), 0)
    return as_dtype_of(y, x)


@operator("Selu", layout="elementwise")
def selu(x: Array, *, alpha: float = 1.67326319217681884765625, gamma: float = 1.05070102214813232421875) -> Array:
    return as_dtype_of(gamma * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))), x)


@operator("Gelu", layout="elementwise")
def gelu(x: Array, *, approximate: str = "none") -> Array:
    return as_dtype_of(ops.gelu(as_core_float(x), approximate == "tanh"), x)


@operator("Swish", layout="elementwise")
def swish(x: Array, *, alpha: float = 1.0) -> Array:
    return as_dtype_of(x * ops.sigmoid(as_core_float(x) * np.float32(alpha)), x)


@operator("HardSigmoid", layout="elementwise")
def hard_sigmoid(x: Array, *, alpha: float = 0.2, beta: float = 0.5) -> Array:
    kind = x.dtype.type
    y: Array = np.clip(x * kind(alpha) + kind(beta), kind(0), kind(1))
    return y


@operator("HardSwish", layout="elementwise")
def hard_swish(x: Array) -> Array:
    return x * hard_sigmoid(x, alpha=1 / 6, beta=0.5)


@operator("Shrink", layout="elementwise")
def shrink(x: Array, *, bias: float = 0.0, lambd: float = 0.5) -> Array:
    y = np.where(x < -lambd, x + bias, np.where(x > lambd, x - bias, 0))
    return as_dtype_of(y, x)


@operator("Clip", since=11, layout="elementwise")
def clip(x: Array, low: Array | None = None, high: Array | None = None) -> Array:
    y = x if low is None else np.maximum(x, low.reshape(()))
    return y if high is None else np.minimum(y, high.reshape(()))


@operator("Clip", layout="elementwise")
def clip_by_attributes(x: Array, *, min: Any = None, max: Any = None) -> Array:
    y = x if min is None else np.maximum(x, x.dtype.type(min))
    return y if max is None else np.minimum(y, x.dtype.type(max))
