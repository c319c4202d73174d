"""Cross-entropies over several classes, one of which is right. Those of yes or no are in binary.py."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import config, ops
from pyconv.gradient import Array, record
from pyconv.losses.crossentropy_gradients import (
    OneHotGradient,
    SparseGradient,
    one_hot_of_logits,
    sparse_of_logits,
)
from pyconv.losses.labels import number, smoothed
from pyconv.losses.loss import LossFunctionWrapper
from pyconv.operators import with_traced
from pyconv.ops.arrays import as_classes, as_float
from pyconv.ops.geometry import axis_tuple

_SMALLEST_SHARE = 1e-30  # those of float32 lose digits below 1e-38


@with_traced
def categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """-sum(y_true * log(p)) over the classes.

    p is y_pred divided by its sum over the classes and clipped to [e, 1 - e], e = `pyconv.config.epsilon()`; or
    softmax(y_pred) with from_logits.

    Args:
        y_true: the share of each class, one-hot as a rule, (..., K).
        y_pred: probabilities, or logits, of the same shape.
        from_logits: whether y_pred are logits, what goes into a softmax.
        label_smoothing: s in [0, 1] replaces y_true by (1 - s) * y_true + s / K.
        axis: the axis of the classes.

    Returns:
        One number a sample, of y_pred's dtype.

    Raises:
        TypeError: if an argument doesn't hold real numbers.
        ValueError: if the shapes differ.

    Example:
    >>> from pyconv import losses
    >>> losses.categorical_crossentropy([[0, 1], [1, 0]], [[0.5, 0.5], [0.25, 0.75]]).round(3)
    array([0.693, 1.386], dtype=float32)
    """
    op = "categorical_crossentropy"
    target, predicted, class_axis = _one_hot(op, y_true, y_pred, label_smoothing, axis)
    gradient: Callable[[Array], Array]
    if from_logits:
        softmax = _softmax_values(predicted, class_axis)
        logs = _log_softmax_values(predicted, softmax, class_axis)
        gradient = functools.partial(one_hot_of_logits, softmax, target, class_axis)
    else:
        shares, total = _shares(predicted, class_axis)
        clipped = _clipped(shares)
        logs = np.log(clipped)
        gradient = OneHotGradient(np.where(shares == clipped, target, 0), clipped, total, class_axis)
    values: Array = -(logs * target).sum(axis=class_axis)
    record(values, (predicted, gradient), (target, lambda dy: -logs * np.expand_dims(dy, class_axis)))
    return values


@with_traced
def sparse_categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Array:
    """-log(p[class]): `categorical_crossentropy` for classes given by their numbers.

    Args:
        y_true: class numbers, (...) or (..., 1).
        y_pred: probabilities, or logits, (..., K).
        from_logits: whether y_pred are logits, what goes into a softmax.
        ignore_class: a number in y_true, -1 or 255 say, whose samples have the loss 0; a mean that
            `SparseCategoricalCrossentropy` takes leaves them out.
        axis: the axis of the classes.

    Returns:
        One number a sample, of y_pred's dtype.

    Raises:
        TypeError: if an argument doesn't hold real numbers.
        ValueError: if the shapes don't fit or a number in y_true is no class.

    Example:
    >>> from pyconv import losses
    >>> losses.sparse_categorical_crossentropy([1, 0], [[0.5, 0.5], [0.25, 0.75]]).round(3)
    array([0.693, 1.386], dtype=float32)
    """
    op = "sparse_categorical_crossentropy"
    predicted = as_float(op, "y_pred", y_pred)
    (class_axis,) = axis_tuple(op, (axis,), predicted.ndim)
    counted: Array | None = None
    if ignore_class is not None:
        labels = np.asarray(y_true)
        counted = labels != ignore_class
        y_true = np.where(counted, labels, 0)
    classes = as_classes(op, "y_true", y_true, predicted.shape[class_axis])
    single = tuple(1 if axis == class_axis else size for axis, size in enumerate(predicted.shape))
    samples = tuple(size for axis, size in enumerate(predicted.shape) if axis != class_axis)
    if classes.shape not in (samples, single):
        raise ValueError(
            f"{op}: y_true must have the shape of y_pred without its axis {axis}, the classes. "
            f"Received: y_true.shape={classes.shape}, y_pred.shape={predicted.shape}."
        )
    grid = np.indices(single, sparse=True)
    right = (*grid[:class_axis], classes.reshape(single), *grid[class_axis + 1 :])
    gradient: Callable[[Array], Array]
    if counted is not None:
        counted = counted.reshape(single)
    if from_logits:
        softmax = _softmax_values(predicted, class_axis)
        logs = _log_softmax_values(predicted, softmax, class_axis, right)
        gradient = functools.partial(sparse_of_logits, softmax, right, counted)
    else:
        total = predicted.sum(axis=class_axis, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = predicted[right] / total
        clipped = _clipped(share)
        logs = np.log(clipped)
        inside = share == clipped if counted is None else (share == clipped) & counted
        gradient = SparseGradient(predicted.shape, right, inside, clipped, total, class_axis)
    values: Array = -logs if counted is None else -logs * counted
    values = values.reshape(samples)
    record(values, (predicted, gradient))
    return values


def categorical_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Array:
    """-sum(alpha * (1 - p)^gamma * y_true * log(p)): what is easy counts little (Lin et al. 2018, arXiv:1708.02002).

    Args:
        y_true: as in `categorical_crossentropy`.
        y_pred: as in `categorical_crossentropy`.
        alpha: a factor for all.
        gamma: the exponent, 0 for none.
        from_logits: as in `categorical_crossentropy`.
        label_smoothing: as in `categorical_crossentropy`.
        axis: as in `categorical_crossentropy`.

    Raises:
        TypeError: if an argument doesn't hold real numbers.
        ValueError: if the shapes differ, or an argument is out of range.
    """
    op = "categorical_focal_crossentropy"
    power = number(op, "gamma", gamma)
    target, predicted, class_axis = _one_hot(op, y_true, y_pred, label_smoothing, axis)
    logs = _log_probabilities(ops.softmax(predicted, class_axis) if from_logits else predicted, class_axis)
    modulation = ops.power(ops.subtract(1.0, ops.exp(logs)), power)
    weighted = ops.multiply(ops.multiply(modulation, logs), -number(op, "alpha", alpha) * target)
    return ops.sum(weighted, class_axis)


class CategoricalCrossentropy(LossFunctionWrapper):
    """`categorical_crossentropy`, reduced.

    Args:
        from_logits: as in the function.
        label_smoothing: as in the function.
        axis: as in the function.
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.

    Example:
    >>> from pyconv import losses
    >>> loss = losses.CategoricalCrossentropy()
    >>> print(f"{loss([[0, 1], [1, 0]], [[0.5, 0.5], [0.25, 0.75]]):.3f}")
    1.040
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        arguments = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, reduction, name, dtype, **arguments)


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """`sparse_categorical_crossentropy`, reduced; a mean is one over the samples that aren't ignored.

    Args:
        from_logits: as in the function.
        ignore_class: as in the function.
        reduction: as in `Loss`.
        axis: as in the function.
        name: as in `Loss`.
        dtype: as in `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        arguments = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(sparse_categorical_crossentropy, reduction, name, dtype, **arguments)
        self.ignore_class = ignore_class

    def mask(self, y_true: ArrayLike, values: Array) -> Array | None:
        if self.ignore_class is None:
            return None
        counted: Array = (np.asarray(y_true) != self.ignore_class).reshape(values.shape)
        return counted


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """`categorical_focal_crossentropy`, reduced.

    Args:
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
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        arguments = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        arguments |= {"alpha": alpha, "gamma": gamma}
        super().__init__(categorical_focal_crossentropy, reduction, name, dtype, **arguments)


def _one_hot(
    op: str, y_true: ArrayLike, y_pred: ArrayLike, label_smoothing: float, axis: int
) -> tuple[Array, Array, int]:
    """Smoothed labels, predictions and the number of the classes' axis."""
    predicted = as_float(op, "y_pred", y_pred)
    target = as_float(op, "y_true", y_true).astype(predicted.dtype, copy=False)
    if target.shape != predicted.shape:
        raise ValueError(
            f"{op}: y_true and y_pred must have the same shape; class numbers belong to the sparse loss. "
            f"Received: y_true.shape={target.shape}, y_pred.shape={predicted.shape}."
        )
    (class_axis,) = axis_tuple(op, (axis,), predicted.ndim)
    return smoothed(op, target, label_smoothing, predicted.shape[class_axis]), predicted, class_axis


def _softmax_values(x: Array, axis: int) -> Array:
    """softmax(x) without a note for its gradient: those who ask leave one for what they make of it."""
    softmax: Array = ops.softmax(x.copy(), axis)
    return softmax


def _log_softmax_values(x: Array, softmax: Array, axis: int, places: Any = ...) -> Array:
    """log(softmax(x)) at places, from x itself where the share is too small for its logarithm to be exact."""
    shares = softmax[places]
    with np.errstate(divide="ignore", invalid="ignore"):
        logs: Array = np.log(shares)
        if (small := ~(shares > _SMALLEST_SHARE)).any():
            largest = x.max(axis=axis, keepdims=True)
            # The largest share is 1 / sum(exp(x - largest)).
            log_sum = -np.log(softmax.max(axis=axis, keepdims=True))
            logs = np.where(small, x[places] - largest - log_sum, logs)
    return logs


def _shares(x: Array, axis: int) -> tuple[Array, Array]:
    """Each number divided by the sum along the axis, and the sum."""
    total = x.sum(axis=axis, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return x / total, total


def _clipped(shares: Array) -> Array:
    smallest, largest = np.asarray([config.epsilon(), 1 - config.epsilon()], shares.dtype)
    return np.clip(shares, smallest, largest)


def _log_probabilities(y_pred: Array, axis: int) -> Array:
    shares, total = _shares(y_pred, axis)
    clipped = _clipped(shares)

    def y_pred_gradient(dy: Array) -> Array:
        # Where the share was clipped it has no influence.
        per_share = np.where(shares == clipped, dy / clipped, 0)
        gradient: Array = (per_share - (per_share * shares).sum(axis=axis, keepdims=True)) / total
        return gradient

    logs: Array = np.log(clipped)
    record(logs, (y_pred, y_pred_gradient))
    return logs
