"""Losses with a margin: right by far enough costs nothing. Labels are -1 and 1; 0 and 1 are taken for those."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import ops
from pyconv.gradient import Array
from pyconv.losses.labels import matched
from pyconv.losses.loss import LossFunctionWrapper


def hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """The mean of max(1 - y_true * y_pred, 0) over the last axis.

    Args:
        y_true: -1 and 1, or 0 and 1, (..., D).
        y_pred: numbers of the same shape.

    Returns:
        One number a sample, of y_pred's dtype.

    Raises:
        TypeError: if an argument doesn't hold real numbers.
        ValueError: if the shapes differ.

    Example:
    >>> from pyconv import losses
    >>> losses.hinge([[0.0, 1.0]], [[-3.0, 0.5]])
    array([0.25], dtype=float32)
    """
    return ops.mean(_margin("hinge", y_true, y_pred), axis=-1)


def squared_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """The mean of max(1 - y_true * y_pred, 0)^2 over the last axis; otherwise as `hinge`."""
    return ops.mean(ops.square(_margin("squared_hinge", y_true, y_pred)), axis=-1)


def categorical_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """max(1 + the largest wrong y_pred - the right one, 0) for one-hot y_true; otherwise as `hinge`.

    "The largest wrong one" is the largest (1 - y_true) * y_pred, and so at least 0.
    """
    target, predicted = matched("categorical_hinge", y_true, y_pred)
    right = ops.sum(ops.multiply(predicted, target), axis=-1)
    wrong = ops.max(ops.multiply(predicted, 1 - target), axis=-1)
    return ops.maximum(ops.add(ops.subtract(wrong, right), 1.0), 0.0)


class Hinge(LossFunctionWrapper):
    """`hinge`, reduced.

    Args:
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "hinge", dtype: Any = None) -> None:
        super().__init__(hinge, reduction, name, dtype)


class SquaredHinge(LossFunctionWrapper):
    """`squared_hinge`, reduced; arguments as in `Hinge`."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "squared_hinge", dtype: Any = None
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


class CategoricalHinge(LossFunctionWrapper):
    """`categorical_hinge`, reduced; arguments as in `Hinge`."""

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "categorical_hinge", dtype: Any = None
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)


def _margin(op: str, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    target, predicted = matched(op, y_true, y_pred)
    if np.all((target == 0) | (target == 1)):
        target = 2 * target - 1
    return ops.maximum(ops.subtract(1.0, ops.multiply(predicted, target)), 0.0)
