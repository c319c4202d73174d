"""Cross-entropies of yes or no, answer by answer. Those of several classes are in categorical.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import config, ops
from pyconv.gradient import Array, record
from pyconv.losses.labels import matched, number, smoothed
from pyconv.losses.loss import LossFunctionWrapper


def binary_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Array:
    """The mean of -(t * log(p) + (1 - t) * log(1 - p)) over an axis, t = y_true.

    p is y_pred clipped to [e, 1 - e], e = `pyconv.config.epsilon()`, or sigmoid(y_pred) with from_logits.

    Args:
        y_true: 0 and 1, or numbers between, (..., D).
        y_pred: probabilities, or logits, of the same shape; (N, 1) and (N,) are taken for the same.
        from_logits: whether y_pred are logits, what goes into a sigmoid.
        label_smoothing: s in [0, 1] replaces y_true by (1 - s) * y_true + s / 2.
        axis: the axis of the mean.

    Returns:
        One number a sample, of y_pred's dtype.

    Raises:
        TypeError: if an argument doesn't hold real numbers.
        ValueError: if the shapes differ, or label_smoothing is out of range.

    Example:
    >>> from pyconv import losses
    >>> losses.binary_crossentropy([[0, 1], [1, 0]], [[0.5, 0.5], [0.25, 0.75]]).round(3)
    array([0.693, 1.386], dtype=float32)
    """
    target, predicted = matched("binary_crossentropy", y_true, y_pred)
    target = smoothed("binary_crossentropy", target, label_smoothing, 2)
    return ops.mean(_of_logits(target, predicted) if from_logits else _of_probabilities(target, predicted), axis=axis)


def binary_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """`binary_crossentropy` with each answer's share times (1 - p_t)^gamma, p_t = t * p + (1 - t) * (1 - p).

    What is easy counts little (Lin et al. 2018, arXiv:1708.02002).

    Args:
        y_true: as in `binary_crossentropy`.
        y_pred: as in `binary_crossentropy`.
        apply_class_balancing: whether a yes counts alpha and a no 1 - alpha.
        alpha: see apply_class_balancing.
        gamma: the exponent, 0 for none.
        from_logits: as in `binary_crossentropy`.
        label_smoothing: as in `binary_crossentropy`.
        axis: as in `binary_crossentropy`.

    Raises:
        TypeError: if an argument doesn't hold real numbers.
        ValueError: if the shapes differ, or an argument is out of range.
    """
    op = "binary_focal_crossentropy"
    power, yes = number(op, "gamma", gamma), number(op, "alpha", alpha, 0, 1)
    target, predicted = matched(op, y_true, y_pred)
    target = smoothed(op, target, label_smoothing, 2)
    if from_logits:
        predicted = ops.sigmoid(predicted)
    # 1 - p_t = t + p - 2 * t * p
    wrong = ops.add(ops.multiply(predicted, 1 - 2 * target), target)
    values = ops.multiply(ops.power(wrong, power), _of_probabilities(target, predicted))
    if apply_class_balancing:
        values = ops.multiply(values, target * yes + (1 - target) * (1 - yes))
    return ops.mean(values, axis=axis)


class BinaryCrossentropy(LossFunctionWrapper):
    """`binary_crossentropy`, reduced.

    Args:
        from_logits: as in the function.
        label_smoothing: as in the function.
        axis: as in the function.
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        arguments = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(binary_crossentropy, reduction, name, dtype, **arguments)


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """`binary_focal_crossentropy`, reduced.

    Args:
        apply_class_balancing: as in the function.
        alpha: as in the function.
        gamma: as in the function.
        from_logits: as in the function.
        label_smoothing: as in the function.
        axis: as in the function.
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        arguments: dict[str, Any] = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        arguments |= {"apply_class_balancing": apply_class_balancing, "alpha": alpha, "gamma": gamma}
        super().__init__(binary_focal_crossentropy, reduction, name, dtype, **arguments)


def _of_logits(target: Array, x: Array) -> Array:
    """max(x, 0) - t * x + log(1 + exp(-|x|)), which is the cross-entropy of sigmoid(x) without overflow."""
    small = np.exp(-np.abs(x))
    values: Array = np.maximum(x, 0) - x * target + np.log1p(small)
    sigmoid = np.where(x >= 0, 1, small) / (1 + small)
    record(values, (x, lambda dy: dy * (sigmoid - target)))
    return values


def _of_probabilities(target: Array, y_pred: Array) -> Array:
    smallest, largest = np.asarray([config.epsilon(), 1 - config.epsilon()], y_pred.dtype)
    p = np.clip(y_pred, smallest, largest)
    values: Array = -(target * np.log(p) + (1 - target) * np.log1p(-p))
    # Where the probability was clipped it has no influence.
    record(values, (y_pred, lambda dy: np.where(y_pred == p, dy * (p - target) / (p * (1 - p)), 0)))
    return values
