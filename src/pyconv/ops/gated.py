"""Activation functions that weigh x by a gate, and the scaled exponential ones. The plainer are in elementwise.py."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from pyconv import _core
from pyconv.arguments import number
from pyconv.gradient import Array, record, recording
from pyconv.ops.arithmetic import multiply
from pyconv.ops.arrays import as_float, contiguous
from pyconv.ops.elementwise import elu, sigmoid, softplus, tanh
from pyconv.ops.geometry import one_axis
from pyconv.ops.padding import crop

# Klambauer et al., Self-Normalizing Neural Networks, 2017: with them mean 0 and variance 1 are kept.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def gelu(x: ArrayLike, approximate: bool = True) -> Array:
    """The product of x and the probability that a normal number is below x: x * (1 + erf(x / sqrt(2))) / 2.

    Args:
        x: an array.
        approximate: whether the probability is approximated by (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2.

    Example:
    >>> from pyconv import ops
    >>> ops.gelu([-1.0, 0.0, 1.0], approximate=False).round(4)
    array([-0.1587,  0.    ,  0.8413], dtype=float32)
    """
    source = as_float("gelu", "x", x)
    y = _core.element("gelu_tanh" if approximate else "gelu", contiguous(source))
    if recording():
        if approximate:
            slope = math.sqrt(2 / math.pi)
            cube = source * source * 0.044715
            bent = tanh(source * (1 + cube) * slope)
            gate = 0.5 * (1 + bent)
            gate_slope = 0.5 * (1 - bent * bent) * (1 + 3 * cube) * slope
        else:
            gate = 0.5 * (1 + erf(source * math.sqrt(0.5)))
            gate_slope = np.exp(source * source * -0.5) * math.sqrt(0.5 / math.pi)
        slope_at_x = (gate + source * gate_slope).astype(source.dtype)
        record(y, (source, lambda dy: dy * slope_at_x))
    return y


def selu(x: ArrayLike) -> Array:
    """The scaled exponential linear unit: 1.0507 * elu(x, alpha=1.6733)."""
    source = as_float("selu", "x", x)
    if not recording():
        return _core.element("elu", contiguous(source), SELU_ALPHA, SELU_SCALE)
    return multiply(elu(source, SELU_ALPHA), SELU_SCALE)


def celu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """The continuous exponential linear unit: x where that is positive, alpha * (exp(x / alpha) - 1) elsewhere."""
    source, alpha = as_float("celu", "x", x), number("celu", "alpha", alpha)
    if alpha == 0:
        raise ValueError("celu: alpha must not be 0, x is divided by it. Received: alpha=0.")
    return multiply(elu(multiply(source, 1 / alpha)), alpha)


def glu(x: ArrayLike, axis: int = -1) -> Array:
    """The first half of x along an axis times the sigmoid of the second.

    Raises:
        ValueError: if x has no such axis, or an odd number of elements along it.
    """
    source = as_float("glu", "x", x)
    place = one_axis("glu", axis, source.ndim)
    size = source.shape[place]
    if size % 2:
        raise ValueError(f"glu: x must have an even size along axis {axis}. Received: x.shape={source.shape}.")
    none = ((0, 0),) * source.ndim
    first, second = (crop(source, (*none[:place], cut, *none[place + 1 :])) for cut in ((0, size // 2), (size // 2, 0)))
    return multiply(first, sigmoid(second))


def mish(x: ArrayLike) -> Array:
    """The product x * tanh(softplus(x)): Misra, 2019."""
    source = as_float("mish", "x", x)
    if not recording():
        return _core.element("mish", contiguous(source))
    return multiply(source, tanh(softplus(source)))


def erf(x: Array) -> Array:
    """The error function, of the dtype of x: NumPy has none."""
    return _core.element("erf", contiguous(x))
