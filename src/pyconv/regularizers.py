"""Regularizers: what is added to the loss so that weights or results stay small. The sums are in `pyconv.ops`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import ops
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.ops.arrays import as_float
from pyconv.registry import Registry

__all__ = ["L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "get", "serialize"]


class Regularizer:
    """Base of all regularizers: a call gives one number for an array, written with `pyconv.ops` to be differentiated.

    Example:
    >>> from pyconv import ops, regularizers
    >>> class Largest(regularizers.Regularizer):
    ...     def __call__(self, x):
    ...         return ops.max(ops.absolute(x))
    >>> float(Largest()([1.0, -3.0]))
    3.0
    """

    def __call__(self, x: ArrayLike) -> Array:
        """The penalty for x."""
        raise NotImplementedError(f"{type(self).__name__}: a regularizer must define __call__(self, x).")

    def get_config(self) -> dict[str, Any]:
        """The arguments from which the constructor makes this regularizer again."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Regularizer:
        """A new regularizer made from what `get_config` returned."""
        return cls(**config)


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x * x).

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.

    Raises:
        TypeError: if a factor isn't a number.
        ValueError: if it is negative or infinite.

    Example:
    >>> from pyconv import regularizers
    >>> float(regularizers.L1L2(l1=1.0, l2=0.5)([2.0, -4.0]))
    16.0
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _factor(self, "l1", l1, missing=0.0)
        self.l2 = _factor(self, "l2", l2, missing=0.0)

    def __call__(self, x: ArrayLike) -> Array:
        return ops.add(L1(self.l1)(x), L2(self.l2)(x))

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


class L1(Regularizer):
    """l1 * sum(|x|): drives numbers to zero. Args and errors as in `L1L2`."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor(self, "l1", l1, missing=0.01)

    def __call__(self, x: ArrayLike) -> Array:
        return ops.multiply(ops.sum(ops.absolute(x)), self.l1)

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


class L2(Regularizer):
    """l2 * sum(x * x): weight decay. Args and errors as in `L1L2`."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor(self, "l2", l2, missing=0.01)

    def __call__(self, x: ArrayLike) -> Array:
        return ops.multiply(ops.sum(ops.square(x)), self.l2)

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


class OrthogonalRegularizer(Regularizer):
    """factor * the mean of |cosine| over all pairs of different rows, or columns, of a matrix.

    Args:
        factor: the factor.
        mode: "rows" or "columns".

    Raises:
        TypeError: if factor isn't a number.
        ValueError: if mode is another, or what is regularized isn't a matrix.

    Example:
    >>> from pyconv import regularizers
    >>> round(float(regularizers.OrthogonalRegularizer(1.0)([[1.0, 0.0], [1.0, 1.0]])), 4)
    0.7071
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _factor(self, "factor", factor, missing=0.01)
        if mode not in ("rows", "columns"):
            raise ValueError(f'OrthogonalRegularizer: mode must be "rows" or "columns". Received: mode={mode!r}.')
        self.mode = mode

    def __call__(self, x: ArrayLike) -> Array:
        matrix = as_float("OrthogonalRegularizer", "inputs", x)
        if matrix.ndim != 2:
            raise ValueError(f"OrthogonalRegularizer: inputs must have rank 2. Received: inputs.shape={matrix.shape}.")
        if self.mode == "columns":
            matrix = ops.transpose(matrix)
        squares = ops.sum(ops.square(matrix), axis=1, keepdims=True)
        rows = ops.divide(matrix, ops.sqrt(ops.maximum(squares, 1e-12)))  # no row is divided by zero
        count = len(rows)
        pairs = count * (count - 1) / 2
        # Each pair stands twice among the products, each row's own product, which is 1, once.
        cosines = ops.absolute(ops.dense(rows, ops.transpose(rows)))
        different = ops.multiply(cosines, 1 - np.eye(count, dtype=cosines.dtype))
        return ops.multiply(ops.sum(different), self.factor * 0.5 / max(pairs, 1))

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


_REGISTRY = Registry(
    "regularizers", {"l1": L1, "l2": L2, "l1_l2": L1L2, "l1l2": L1L2, "orthogonal_regularizer": OrthogonalRegularizer}
)


def get(identifier: Any) -> Callable[..., Any] | None:
    """The regularizer that `identifier` means.

    Args:
        identifier: a name ("l2" or "L2"), a class, what `serialize` returns, any callable array -> number written
            with `pyconv.ops`, which is returned as it is, or None for none.

    Raises:
        TypeError: if it is none of these.
        ValueError: if there is no regularizer of that name.

    Example:
    >>> from pyconv import regularizers
    >>> round(float(regularizers.get("l2")([1.0, 3.0])), 6)
    0.1
    """
    return None if identifier is None else _REGISTRY.get(identifier)


def serialize(regularizer: Any) -> dict[str, Any] | None:
    """The regularizer as the dict that Keras writes into a configuration; `get` reads it.

    Raises:
        TypeError: if it isn't one of this module's.
    """
    return None if regularizer is None else _REGISTRY.serialize(regularizer)


def _factor(regularizer: Regularizer, name: str, value: float | None, missing: float) -> float:
    if value is None:
        return missing
    return real_number(type(regularizer).__name__, name, value, 0, math.inf, open_end=True)
