"""Checks of single numbers that users pass as arguments. Sizes and strides are checked in ops/geometry.py."""

from __future__ import annotations

from typing import Any

import numpy as np


class ArgumentTypeError(TypeError, ValueError):
    """An argument of a wrong type: a TypeError as Python has it, and the ValueError that Keras raises there."""


def real_number(op: str, name: str, value: Any, low: float, high: float, *, open_end: bool = False) -> float:
    """The argument `name` of `op` as a float in [low, high], or in [low, high) with open_end.

    Raises:
        TypeError: if it isn't a number.
        ValueError: if it lies outside.

    Example:
    >>> real_number("Dropout", "rate", 0.5, 0, 1)
    0.5
    """
    given = number(op, name, value)
    if not (low <= given < high if open_end else low <= given <= high):
        end = f", {high:g} excluded" if open_end else ""
        raise ValueError(
            f"{op}: Invalid value received for argument `{name}`. "
            f"Expected a float value between {low:g} and {high:g}{end}. Received: {name}={value}."
        )
    return given


def number(op: str, name: str, value: Any) -> float:
    """The argument `name` of `op` as a float: a real number of Python or NumPy, or an array of one without axes.

    Raises:
        TypeError: if it isn't a number.
        ValueError: if it is beyond the largest float.

    Example:
    >>> number("leaky_relu", "negative_slope", 1)
    1.0
    """
    known = isinstance(value, int | float | np.integer | np.floating | np.ndarray) and not isinstance(value, bool)
    if not known or np.ndim(value) or (isinstance(value, np.ndarray) and value.dtype.kind not in "fiu"):
        raise ArgumentTypeError(f"{op}: {name} must be a number. Received: {name}={value!r:.60}.")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{op}: {name} must be a number that a float holds. Received: {name}={value:.3g}.") from None
