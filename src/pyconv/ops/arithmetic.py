"""Arithmetic of two arrays element by element, and powers of one. Activation functions are in elementwise.py.

NaN goes through all of them. The dtype is kept; a Python number takes that of the other argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv.addition import total
from pyconv.gradient import Array, record
from pyconv.ops.arrays import as_float, as_floats, like
from pyconv.ops.shapes import sum_to
from pyconv.results import empty


def add(x1: ArrayLike, x2: ArrayLike) -> Array:
    """x1 + x2, broadcast as in NumPy.

    Raises:
        TypeError: if an argument doesn't hold real numbers.
        ValueError: if the shapes can't be broadcast.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> ops.add(np.ones((2, 1), np.float32), [0, 10])
    array([[ 1., 11.],
           [ 1., 11.]], dtype=float32)
    """
    a, b, y = _broadcast("add", np.add, x1, x2)
    a_shape, b_shape = a.shape, b.shape  # rather than the arrays, which nobody may need any more
    record(y, (a, lambda dy: sum_to(dy, a_shape)), (b, lambda dy: sum_to(dy, b_shape)))
    return y


def subtract(x1: ArrayLike, x2: ArrayLike) -> Array:
    """x1 - x2; arguments and errors as in `add`."""
    a, b, y = _broadcast("subtract", np.subtract, x1, x2)
    a_shape, b_shape = a.shape, b.shape
    record(y, (a, lambda dy: sum_to(dy, a_shape)), (b, lambda dy: sum_to(-dy, b_shape)))
    return y


def multiply(x1: ArrayLike, x2: ArrayLike) -> Array:
    """x1 * x2; arguments and errors as in `add`."""
    a, b, y = _broadcast("multiply", np.multiply, x1, x2)
    a_shape, b_shape = a.shape, b.shape  # each gradient needs the other array alone
    record(y, (a, lambda dy: sum_to(dy * b, a_shape)), (b, lambda dy: sum_to(dy * a, b_shape)))
    return y


def divide(x1: ArrayLike, x2: ArrayLike) -> Array:
    """x1 / x2; arguments and errors as in `add`. Division by zero gives an infinity or NaN, without a warning."""
    return _quotient("divide", x1, x2)


def true_divide(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The quotient x1 / x2, as Keras calls it where it is written with an operator; the same as `divide`."""
    return _quotient("true_divide", x1, x2)


def power(x1: ArrayLike, x2: ArrayLike) -> Array:
    """x1 to the power of x2; arguments and errors as in `add`."""
    a, b, y = _broadcast("power", np.power, x1, x2)

    def exponent_gradient(dy: Array) -> Array:
        # 0 ** b is 0 whatever b > 0: its slope is 0, where the formula y * log(0) says NaN.
        return sum_to(dy * y * np.log(np.where(a == 0, a.dtype.type(1), a)), b.shape)

    record(y, (a, lambda dy: sum_to(dy * b * np.power(a, b - 1), a.shape)), (b, exponent_gradient))
    return y


def maximum(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The larger of x1 and x2; where they are equal each gets half of the gradient. Arguments as in `add`."""
    return _extremum("maximum", np.maximum, x1, x2)


def minimum(x1: ArrayLike, x2: ArrayLike) -> Array:
    """The smaller of x1 and x2; where they are equal each gets half of the gradient. Arguments as in `add`."""
    return _extremum("minimum", np.minimum, x1, x2)


def clip(x: ArrayLike, x_min: ArrayLike, x_max: ArrayLike) -> Array:
    """Keeps x where it lies in x_min..x_max, and puts the bound where it is beyond.

    Raises:
        TypeError: if an argument doesn't hold real numbers.
        ValueError: if the bounds can't be broadcast to x.

    Example:
    >>> from pyconv import ops
    >>> ops.clip([-3.0, 0.5, 3.0], -1, 1)
    array([-1. ,  0.5,  1. ], dtype=float32)
    """
    source, low, high = as_floats("clip", x=x, x_min=x_min, x_max=x_max)
    try:
        y = np.clip(source, low, high, out=like(source))
    except ValueError:
        raise ValueError(
            "clip: x_min and x_max must have shapes that can be broadcast to x. "
            f"Received: x.shape={source.shape}, x_min.shape={low.shape}, x_max.shape={high.shape}."
        ) from None
    record(y, (source, lambda dy: dy * ((source >= low) & (source <= high))))
    return y


def where(condition: ArrayLike, x1: ArrayLike | None = None, x2: ArrayLike | None = None) -> Any:
    """x1 where condition is true, x2 elsewhere, broadcast as in NumPy; errors as in `add`.

    Without x1 and x2 it tells where condition is true: an array of indices for each axis.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> ops.where([True, False], np.array([1.0, 2.0]), 0)
    array([1., 0.])
    """
    chosen = as_float("where", "condition", condition) != 0
    if x1 is None and x2 is None:
        return np.nonzero(chosen)
    if x1 is None or x2 is None:
        raise TypeError(f"where: x1 and x2 must hold real numbers, both or neither. Received: x1={x1!r}, x2={x2!r}.")
    a, b = as_floats("where", x1=x1, x2=x2)
    try:
        y = np.where(chosen, a, b)
    except ValueError:
        raise ValueError(
            "where: condition, x1 and x2 must have shapes that can be broadcast. "
            f"Received: condition.shape={chosen.shape}, x1.shape={a.shape}, x2.shape={b.shape}."
        ) from None
    record(
        y,
        (a, lambda dy: sum_to(np.where(chosen, dy, 0), a.shape)),
        (b, lambda dy: sum_to(np.where(chosen, 0, dy), b.shape)),
    )
    return y


def negative(x: ArrayLike) -> Array:
    """-x."""
    source = as_float("negative", "x", x)
    y = np.negative(source, out=like(source))
    record(y, (source, lambda dy: -dy))
    return y


def absolute(x: ArrayLike) -> Array:
    """The absolute value; its slope at zero is taken as zero."""
    source = as_float("absolute", "x", x)
    y = np.absolute(source, out=like(source))
    record(y, (source, lambda dy: dy * np.sign(source)))
    return y


def square(x: ArrayLike) -> Array:
    """The square of x."""
    source = as_float("square", "x", x)
    y = np.square(source, out=like(source))
    record(y, (source, lambda dy: dy * source * 2))
    return y


@np.errstate(invalid="ignore", divide="ignore")
def sqrt(x: ArrayLike) -> Array:
    """The square root, NaN for negative numbers."""
    source = as_float("sqrt", "x", x)
    y = np.sqrt(source, out=like(source))
    record(y, (source, lambda dy: dy / (2 * y)))
    return y


@np.errstate(invalid="ignore", divide="ignore")
def rsqrt(x: ArrayLike) -> Array:
    """One over the square root."""
    source = as_float("rsqrt", "x", x)
    y = np.divide(1, np.sqrt(source), out=like(source))
    record(y, (source, lambda dy: dy * y * y * y * -0.5))
    return y


@np.errstate(invalid="ignore", divide="ignore")
def log(x: ArrayLike) -> Array:
    """The natural logarithm, -inf for zero, NaN for negative numbers."""
    source = as_float("log", "x", x)
    y = np.log(source, out=like(source))
    record(y, (source, lambda dy: dy / source))
    return y


@np.errstate(all="ignore")
def _quotient(op: str, x1: ArrayLike, x2: ArrayLike) -> Array:
    a, b, y = _broadcast(op, np.divide, x1, x2)
    a_shape = a.shape
    record(y, (a, lambda dy: sum_to(dy / b, a_shape)), (b, lambda dy: sum_to(-dy * y / b, b.shape)))
    return y


def _broadcast(op: str, function: Any, x1: ArrayLike, x2: ArrayLike) -> tuple[Array, Array, Array]:
    """Both arguments with one dtype, and the function of them, a new array even where there are no axes."""
    a, b = as_floats(op, x1=x1, x2=x2)
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise ValueError(
            f"{op}: x1 and x2 must have shapes that can be broadcast. Received: x1.shape={a.shape}, x2.shape={b.shape}."
        ) from None
    if function is np.add and a.shape == b.shape != ():
        return a, b, total(a, b)
    return a, b, function(a, b, out=empty(shape, a.dtype))


def _extremum(op: str, function: Any, x1: ArrayLike, x2: ArrayLike) -> Array:
    a, b, y = _broadcast(op, function, x1, x2)

    def gradient(mine: Array, other: Array) -> Callable[[Array], Array]:
        return lambda dy: sum_to(dy * ((mine == y) - 0.5 * (mine == other)).astype(y.dtype), mine.shape)

    record(y, (a, gradient(a, b)), (b, gradient(b, a)))
    return y
