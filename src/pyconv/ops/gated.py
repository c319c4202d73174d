"""Activation functions that weigh x by a gate, and the scaled exponential ones. The plainer are in elementwise.py."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import ArrayLike

from pyconv.gradient import Array, record, recording
from pyconv.ops.arithmetic import multiply
from pyconv.ops.arrays import as_float, like
from pyconv.ops.elementwise import elu, sigmoid, softplus, tanh
from pyconv.ops.geometry import axis_tuple
from pyconv.ops.padding import crop

# Klambauer et al., Self-Normalizing Neural Networks, 2017: with them mean 0 and variance 1 are kept.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805

# erf is expanded round the nearest of these nodes. The rest after the term of fifth order is below
# (1 / 128)**6 / 720 * |the sixth derivative of erf, below 150| = 5e-14; beyond 6 erf is 1 in float64.
_NODES_PER_UNIT, _LARGEST, _ORDER = 64, 6, 5


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
    if approximate:
        slope = math.sqrt(2 / math.pi)
        cube = source * source * 0.044715
        bent = np.tanh(source * (1 + cube) * slope)
        gate = 0.5 * (1 + bent)
        gate_slope = 0.5 * (1 - bent * bent) * (1 + 3 * cube) * slope
    else:
        gate = 0.5 * (1 + erf(source * math.sqrt(0.5)))
        gate_slope = np.exp(source * source * -0.5) * math.sqrt(0.5 / math.pi)
    y = np.multiply(source, gate, out=like(source))
    if recording():
        slope_at_x = (gate + source * gate_slope).astype(source.dtype)
        record(y, (source, lambda dy: dy * slope_at_x))
    return y


def selu(x: ArrayLike) -> Array:
    """The scaled exponential linear unit: 1.0507 * elu(x, alpha=1.6733)."""
    return multiply(elu(as_float("selu", "x", x), SELU_ALPHA), SELU_SCALE)


def celu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """The continuous exponential linear unit: x where that is positive, alpha * (exp(x / alpha) - 1) elsewhere."""
    return multiply(elu(multiply(as_float("celu", "x", x), 1 / alpha)), alpha)


def glu(x: ArrayLike, axis: int = -1) -> Array:
    """The first half of x along an axis times the sigmoid of the second.

    Raises:
        ValueError: if x has no such axis, or an odd number of elements along it.
    """
    source = as_float("glu", "x", x)
    (place,) = axis_tuple("glu", axis, source.ndim)
    size = source.shape[place]
    if size % 2:
        raise ValueError(f"glu: x must have an even size along axis {axis}. Received: x.shape={source.shape}.")
    none = ((0, 0),) * source.ndim
    first, second = (crop(source, (*none[:place], cut, *none[place + 1 :])) for cut in ((0, size // 2), (size // 2, 0)))
    return multiply(first, sigmoid(second))


def mish(x: ArrayLike) -> Array:
    """The product x * tanh(softplus(x)): Misra, 2019."""
    source = as_float("mish", "x", x)
    return multiply(source, tanh(softplus(source)))


def erf(x: Array) -> Array:
    """The error function, of the dtype of x: NumPy has none."""
    size = np.minimum(np.abs(x), _LARGEST)
    node = np.rint(np.nan_to_num(size) * _NODES_PER_UNIT).astype(np.intp)
    step = size - node / x.dtype.type(_NODES_PER_UNIT)
    coefficients = _erf_coefficients().astype(x.dtype)
    y = coefficients[_ORDER][node]
    for row in coefficients[_ORDER - 1 :: -1]:
        y *= step
        y += row[node]
    signed: Array = np.copysign(y, x)
    return signed


@functools.cache
def _erf_coefficients() -> Array:
    """The Taylor coefficients of erf at each node, (order, node): the n-th derivative over n factorial.

    The first derivative is d1 = 2 / sqrt(pi) * exp(-x * x), the next follow from d(n + 2) = -2 x d(n + 1) - 2 n dn.
    """
    x = np.arange(_LARGEST * _NODES_PER_UNIT + 1) / _NODES_PER_UNIT
    derivatives = [np.array([math.erf(value) for value in x]), 2 / math.sqrt(math.pi) * np.exp(-x * x)]
    derivatives.append(-2 * x * derivatives[1])
    while len(derivatives) <= _ORDER:
        n = len(derivatives) - 2
        derivatives.append(-2 * x * derivatives[-1] - 2 * n * derivatives[-2])
    return np.array([derivative / math.factorial(n) for n, derivative in enumerate(derivatives)])
