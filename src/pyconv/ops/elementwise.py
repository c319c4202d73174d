"""Operations on each element by itself that serve as activation functions. Sums and products are in arithmetic.py.

NaN goes through all of them. The dtype is kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from pyconv import _core
from pyconv.arguments import number
from pyconv.gradient import Array, record, recording
from pyconv.ops.arithmetic import multiply
from pyconv.ops.arrays import as_float, contiguous

NEGATIVE_SLOPE = 0.2  # of leaky_relu when none is given, as in Keras


def relu(x: ArrayLike) -> Array:
    """max(x, 0).

    Example:
    >>> from pyconv import ops
    >>> ops.relu([-1, 0, 2])
    array([0., 0., 2.], dtype=float32)
    """
    source = as_float("relu", "x", x)
    y = _core.element("relu", contiguous(source))
    record(y, (source, lambda dy: _core.activation_backward("relu", 0.0, y, contiguous(dy))))
    return y


def relu6(x: ArrayLike) -> Array:
    """min(max(x, 0), 6)."""
    return rectify(as_float("relu6", "x", x), max_value=6.0)


def leaky_relu(x: ArrayLike, negative_slope: float = NEGATIVE_SLOPE) -> Array:
    """The larger of x and 0, plus negative_slope times the smaller."""
    return rectify(as_float("leaky_relu", "x", x), number("leaky_relu", "negative_slope", negative_slope))


def rectify(x: ArrayLike, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Array:
    """The family of relu: negative_slope * (x - threshold) up to threshold, x above it, at most max_value.

    Example:
    >>> from pyconv.ops.elementwise import rectify
    >>> rectify([-4, 1, 3, 9], negative_slope=0.5, max_value=6, threshold=2)
    array([-3. , -0.5,  3. ,  6. ], dtype=float32)
    """
    source = as_float("relu", "x", x)
    if threshold == 0 and negative_slope == 0 and (max_value is None or max_value > 0):
        y = _core.element("clip", contiguous(source), 0.0, np.inf if max_value is None else max_value)
    elif threshold == 0 and max_value is None:
        y = _core.element("leaky_relu", contiguous(source), negative_slope)
    else:
        low, high = _ends(source, max_value, threshold)
        y = np.copy(source, order="C")
        # A slope of zero is not multiplied: 0 * -inf would be NaN.
        np.copyto(y, (source - threshold) * negative_slope if negative_slope else 0, where=low, casting="same_kind")
        if max_value is not None:
            np.copyto(y, max_value, where=high, casting="same_kind")
    if threshold == 0 and (max_value is None or (negative_slope == 0 and max_value == 6)):
        name: _core._Activation = "relu6" if max_value else "leaky_relu" if negative_slope else "relu"
        record(y, (source, lambda dy: _core.activation_backward(name, negative_slope, y, contiguous(dy))))
    elif recording():  # which of the three it was is all that the gradient needs to keep
        below, above = _ends(source, max_value, threshold)
        record(y, (source, lambda dy: np.where(below, dy * negative_slope, dy) * ~above))
    return y


def _ends(x: Array, max_value: float | None, threshold: float) -> tuple[Array, Array]:
    """Where x is at most the threshold, and where it is cut off above."""
    low = x <= threshold
    return low, np.zeros_like(low) if max_value is None else (x >= max_value) & ~low


def elu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """The exponential linear unit: x where that is positive, alpha * (exp(x) - 1) elsewhere."""
    source, alpha = as_float("elu", "x", x), number("elu", "alpha", alpha)
    y = _core.element("elu", contiguous(source), alpha, 1.0)
    record(y, (source, lambda dy: dy * np.where(source > 0, y.dtype.type(1), y + y.dtype.type(alpha))))
    return y


def exp(x: ArrayLike) -> Array:
    """The exponential, e to the power of x."""
    source = as_float("exp", "x", x)
    y = _core.element("exp", contiguous(source))
    record(y, (source, lambda dy: dy * y))
    return y


def sigmoid(x: ArrayLike) -> Array:
    """1 / (1 + exp(-x)), computed so that it never overflows.

    Example:
    >>> from pyconv import ops
    >>> ops.sigmoid([-1000, 0, 1000])
    array([0. , 0.5, 1. ], dtype=float32)
    """
    source = as_float("sigmoid", "x", x)
    y = _core.element("sigmoid", contiguous(source))
    record(y, (source, lambda dy: dy * y * (1 - y)))
    return y


def hard_sigmoid(x: ArrayLike) -> Array:
    """min(max(x / 6 + 1/2, 0), 1)."""
    source = as_float("hard_sigmoid", "x", x)
    y = _core.element("hard_sigmoid", contiguous(source), 1 / 6, 0.5)
    record(y, (source, lambda dy: dy * ((y > 0) & (y < 1)) / 6))
    return y


def silu(x: ArrayLike) -> Array:
    """The product x * sigmoid(x), also called swish."""
    source = as_float("silu", "x", x)
    if not recording():
        return _core.element("silu", contiguous(source))
    return multiply(source, sigmoid(source))


def hard_silu(x: ArrayLike) -> Array:
    """The product x * hard_sigmoid(x), also called hard_swish."""
    source = as_float("hard_silu", "x", x)
    if not recording():
        return _core.element("hard_silu", contiguous(source))
    return multiply(source, hard_sigmoid(source))


def softplus(x: ArrayLike) -> Array:
    """log(1 + exp(x)), computed so that it never overflows."""
    source = as_float("softplus", "x", x)
    y = _core.element("softplus", contiguous(source))
    record(y, (source, lambda dy: dy * sigmoid(source)))
    return y


def softsign(x: ArrayLike) -> Array:
    """The quotient x / (1 + |x|)."""
    source = as_float("softsign", "x", x)
    y = _core.element("softsign", contiguous(source))
    record(y, (source, lambda dy: dy / np.square(1 + np.abs(source))))
    return y


def tanh(x: ArrayLike) -> Array:
    """The hyperbolic tangent."""
    source = as_float("tanh", "x", x)
    y = _core.element("tanh", contiguous(source))
    record(y, (source, lambda dy: dy * (1 - y * y)))
    return y
