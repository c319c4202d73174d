"""Constraints: what an optimizer makes of a weight after each step. Plain NumPy, nothing is differentiated."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import config
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.ops.geometry import axis_tuple
from pyconv.registry import Registry

__all__ = ["Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "get", "serialize"]


class Constraint:
    """Base of all constraints: a call gives the array that a weight becomes, of the same shape."""

    def __call__(self, w: ArrayLike) -> Array:
        """The array nearest to w that is allowed: here any is."""
        return np.asarray(w)

    def get_config(self) -> dict[str, Any]:
        """The arguments from which the constructor makes this constraint again."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Constraint:
        """A new constraint made from what `get_config` returned."""
        return cls(**config)


class NonNeg(Constraint):
    """No number is negative.

    Example:
    >>> import numpy as np
    >>> from pyconv import constraints
    >>> constraints.NonNeg()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def __call__(self, w: ArrayLike) -> Array:
        return np.maximum(w, 0)


class MinMaxNorm(Constraint):
    """The Euclidean norm along axes lies between two bounds, or comes nearer to them with each step.

    Args:
        min_value: the lower bound.
        max_value: the upper bound.
        rate: the norm becomes (1 - rate) * norm + rate * the nearest that is allowed.
        axis: the axis or axes of one unit's weights: 0 for Dense, (0, 1, 2) for Conv2D.

    Raises:
        TypeError: if a bound or the rate isn't a number.
        ValueError: if a bound is negative, or w has no such axis.

    Example:
    >>> import numpy as np
    >>> from pyconv import constraints
    >>> constraints.MinMaxNorm(0.0, 1.0)(np.array([[3.0], [4.0]])).round(6)
    array([[0.6],
           [0.8]])
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0) -> None:
        op = type(self).__name__
        self.min_value = real_number(op, "min_value", min_value, 0, math.inf)
        self.max_value = real_number(op, "max_value", max_value, 0, math.inf)
        self.rate = real_number(op, "rate", rate, 0, 1)
        self.axis = axis

    def __call__(self, w: ArrayLike) -> Array:
        array, norms = _norms(self, w, self.axis)
        wanted = self.rate * np.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        result: Array = array * (wanted / (config.epsilon() + norms)).astype(array.dtype)
        return result

    def get_config(self) -> dict[str, Any]:
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


class MaxNorm(Constraint):
    """The Euclidean norm along axes is at most max_value. Args and errors as in `MinMaxNorm`."""

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value = real_number(type(self).__name__, "max_value", max_value, 0, math.inf)
        self.axis = axis

    def __call__(self, w: ArrayLike) -> Array:
        return MinMaxNorm(0.0, self.max_value, axis=self.axis)(w)

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


class UnitNorm(Constraint):
    """The Euclidean norm along axes is 1. Args and errors as in `MinMaxNorm`."""

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis

    def __call__(self, w: ArrayLike) -> Array:
        return MinMaxNorm(1.0, 1.0, axis=self.axis)(w)

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


_REGISTRY = Registry(
    "constraints", {"max_norm": MaxNorm, "min_max_norm": MinMaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm}
)


def get(identifier: Any) -> Callable[..., Any] | None:
    """The constraint that `identifier` means.

    Args:
        identifier: a name ("max_norm" or "MaxNorm"), a class, what `serialize` returns, any callable array -> array,
            which is returned as it is, or None for none.

    Raises:
        TypeError: if it is none of these.
        ValueError: if there is no constraint of that name.

    Example:
    >>> from pyconv import constraints
    >>> constraints.get("unit_norm").get_config()
    {'axis': 0}
    """
    return None if identifier is None else _REGISTRY.get(identifier)


def serialize(constraint: Any) -> dict[str, Any] | None:
    """The constraint as the dict that Keras writes into a configuration; `get` reads it.

    Raises:
        TypeError: if it isn't one of this module's.
    """
    return None if constraint is None else _REGISTRY.serialize(constraint)


def _norms(constraint: Constraint, w: ArrayLike, axis: Any) -> tuple[Array, Array]:
    array = np.asarray(w)
    axes = axis_tuple(type(constraint).__name__, axis, array.ndim)
    return array, np.sqrt((array * array).sum(axis=axes, keepdims=True, dtype=np.float64))
