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
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise ArgumentTypeError(f"{op}: {name} must be a number. Received: {name}={value!r}.")
    if not (low <= value < high if open_end else low <= value <= high):
        end = f", {high:g} excluded" if open_end else ""
        raise ValueError(
            f"{op}: Invalid value received for argument `{name}`. "
            f"Expected a float value between {low:g} and {high:g}{end}. Received: {name}={value}."
        )
    return float(value)
