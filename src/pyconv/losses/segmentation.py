"""Losses of overlap, for masks that cover little of an image. They compare whole arrays, not sample by sample."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from pyconv import config, ops
from pyconv.gradient import Array
from pyconv.losses.labels import matched, number
from pyconv.losses.loss import LossFunctionWrapper


def dice(y_true: ArrayLike, y_pred: ArrayLike, axis: Any = None) -> Array:
    """1 - 2 * sum(y_true * y_pred) / (sum(y_true) + sum(y_pred) + epsilon).

    Args:
        y_true: masks, 0 to 1.
        y_pred: probabilities of the same shape.
        axis: the axes to sum over, all by default.

    Returns:
        A number, or an array of the axes that are left.

    Raises:
        TypeError: if an argument doesn't hold real numbers.
        ValueError: if the shapes differ.

    Example:
    >>> from pyconv import losses
    >>> print(losses.dice([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 0.0]]).round(4))
    0.3333
    """
    target, predicted = matched("dice", y_true, y_pred)
    both = ops.sum(ops.multiply(predicted, target), axis=axis)
    either = ops.add(ops.add(ops.sum(predicted, axis=axis), ops.sum(target, axis=axis)), config.epsilon())
    return ops.subtract(1.0, ops.divide(ops.multiply(both, 2.0), either))


def tversky(y_true: ArrayLike, y_pred: ArrayLike, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Array:
    """1 - both / (both + alpha * missed + beta * invented + epsilon) (Salehi et al. 2017, arXiv:1706.05721).

    both, missed and invented are the sums of t * p, t * (1 - p) and (1 - t) * p, t = y_true, p = y_pred.

    Args:
        y_true: as in `dice`.
        y_pred: as in `dice`.
        alpha: the weight of what is missed.
        beta: the weight of what is invented.
        axis: as in `dice`.
    """
    missing, inventing = number("tversky", "alpha", alpha), number("tversky", "beta", beta)
    target, predicted = matched("tversky", y_true, y_pred)
    both = ops.sum(ops.multiply(predicted, target), axis=axis)
    missed = ops.multiply(ops.sum(ops.multiply(ops.subtract(1.0, predicted), target), axis=axis), missing)
    invented = ops.multiply(ops.sum(ops.multiply(predicted, 1 - target), axis=axis), inventing)
    return ops.subtract(1.0, ops.divide(both, ops.add(ops.add(ops.add(both, missed), invented), config.epsilon())))


class Dice(LossFunctionWrapper):
    """`dice`, reduced.

    Args:
        reduction: as in `Loss`.
        name: as in `Loss`.
        axis: as in the function.
        dtype: as in `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "dice",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(LossFunctionWrapper):
    """`tversky`, reduced.

    Args:
        alpha: as in the function.
        beta: as in the function.
        reduction: as in `Loss`.
        name: as in `Loss`.
        axis: as in the function.
        dtype: as in `Loss`.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
