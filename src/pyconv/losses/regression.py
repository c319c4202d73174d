"""Losses between numbers: how far predictions are from what should come out. Each gives one number a sample."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import config, ops
from pyconv.gradient import Array
from pyconv.losses.labels import matched, number
from pyconv.losses.loss import LossFunctionWrapper

Reduction = str | None


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """The mean of (y_true - y_pred)^2 over the last axis.

    Args:
        y_true: the values that should come out, (..., D).
        y_pred: the values that came out, of the same shape; (N, 1) and (N,) are taken for the same.

    Returns:
        One number a sample, of y_pred's dtype.

    Raises:
        TypeError: if an argument doesn't hold real numbers.
        ValueError: if the shapes differ.

    Example:
    >>> from pyconv import losses
    >>> losses.mean_squared_error([[0.0, 1.0]], [[2.0, 1.0]])
    array([2.], dtype=float32)
    """
    target, predicted = matched("mean_squared_error", y_true, y_pred)
    return ops.mean(ops.square(ops.subtract(predicted, target)), axis=-1)


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """The mean of |y_true - y_pred| over the last axis; arguments, result and errors as in `mean_squared_error`."""
    target, predicted = matched("mean_absolute_error", y_true, y_pred)
    return ops.mean(ops.absolute(ops.subtract(predicted, target)), axis=-1)


def mean_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """100 times the mean of |y_true - y_pred| / max(|y_true|, epsilon); otherwise as `mean_squared_error`."""
    target, predicted = matched("mean_absolute_percentage_error", y_true, y_pred)
    scale = (100 / np.maximum(np.abs(target), config.epsilon())).astype(predicted.dtype)
    return ops.mean(ops.multiply(ops.absolute(ops.subtract(predicted, target)), scale), axis=-1)


def mean_squared_logarithmic_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """The mean of (log(1 + y_true) - log(1 + y_pred))^2, of numbers not below epsilon; as `mean_squared_error`."""
    target, predicted = matched("mean_squared_logarithmic_error", y_true, y_pred)
    logs = ops.log(ops.add(ops.maximum(predicted, config.epsilon()), 1.0))
    right = np.log(np.maximum(target, config.epsilon()) + 1).astype(predicted.dtype)
    return ops.mean(ops.square(ops.subtract(logs, right)), axis=-1)


def huber(y_true: ArrayLike, y_pred: ArrayLike, delta: float = 1.0) -> Array:
    """The mean of e^2 / 2 where |e| <= delta, delta * |e| - delta^2 / 2 beyond, e = y_pred - y_true.

    Args:
        y_true: as in `mean_squared_error`.
        y_pred: as in `mean_squared_error`.
        delta: where the square ends and the straight line begins (Huber 1964, Annals of Mathematical Statistics 35).
    """
    limit = number("huber", "delta", delta)
    target, predicted = matched("huber", y_true, y_pred)
    size = ops.absolute(ops.subtract(predicted, target))
    within = ops.minimum(size, limit)
    # With w = min(|e|, delta) both pieces are w * (|e| - w / 2).
    return ops.mean(ops.multiply(within, ops.subtract(size, ops.multiply(within, 0.5))), axis=-1)


def log_cosh(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """The mean of log(cosh(y_pred - y_true)), in a form that doesn't overflow; as `mean_squared_error`."""
    target, predicted = matched("log_cosh", y_true, y_pred)
    gap = ops.subtract(predicted, target)
    return ops.mean(ops.subtract(ops.add(gap, ops.softplus(ops.multiply(gap, -2.0))), math.log(2)), axis=-1)


def poisson(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """The mean of y_pred - y_true * log(y_pred + epsilon); as `mean_squared_error`."""
    target, predicted = matched("poisson", y_true, y_pred)
    logs = ops.log(ops.add(predicted, config.epsilon()))
    return ops.mean(ops.subtract(predicted, ops.multiply(logs, target)), axis=-1)


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Array:
    """Minus the cosine of the angle between y_true and y_pred along an axis: -1 for the same direction.

    Args:
        y_true: as in `mean_squared_error`.
        y_pred: as in `mean_squared_error`.
        axis: the axis of the vectors.
    """
    target, predicted = matched("cosine_similarity", y_true, y_pred)
    return ops.negative(ops.sum(ops.multiply(_unit(predicted, axis), _unit(target, axis)), axis=axis))


def kl_divergence(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """The sum of y_true * log(y_true / y_pred) over the last axis, of probabilities cut to [epsilon, 1]."""
    target, predicted = matched("kl_divergence", y_true, y_pred)
    right = np.clip(target, config.epsilon(), 1).astype(predicted.dtype)
    logs = ops.log(ops.clip(predicted, config.epsilon(), 1.0))
    return ops.sum(ops.multiply(ops.subtract(np.log(right), logs), right), axis=-1)


class MeanSquaredError(LossFunctionWrapper):
    """`mean_squared_error`, reduced.

    Args:
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.
    """

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size", name: str = "mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """`mean_absolute_error`, reduced; arguments as in `MeanSquaredError`."""

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size", name: str = "mean_absolute_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """`mean_absolute_percentage_error`, reduced; arguments as in `MeanSquaredError`."""

    def __init__(
        self,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """`mean_squared_logarithmic_error`, reduced; arguments as in `MeanSquaredError`."""

    def __init__(
        self,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


class Huber(LossFunctionWrapper):
    """`huber`, reduced; further arguments as in `MeanSquaredError`.

    Args:
        delta: as in the function.
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(LossFunctionWrapper):
    """`log_cosh`, reduced; arguments as in `MeanSquaredError`."""

    def __init__(self, reduction: Reduction = "sum_over_batch_size", name: str = "log_cosh", dtype: Any = None) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


class Poisson(LossFunctionWrapper):
    """`poisson`, reduced; arguments as in `MeanSquaredError`."""

    def __init__(self, reduction: Reduction = "sum_over_batch_size", name: str = "poisson", dtype: Any = None) -> None:
        super().__init__(poisson, reduction, name, dtype)


class KLDivergence(LossFunctionWrapper):
    """`kl_divergence`, reduced; arguments as in `MeanSquaredError`."""

    def __init__(
        self, reduction: Reduction = "sum_over_batch_size", name: str = "kl_divergence", dtype: Any = None
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


class CosineSimilarity(LossFunctionWrapper):
    """`cosine_similarity`, reduced.

    Args:
        axis: as in the function.
        reduction: as in `Loss`.
        name: as in `Loss`.
        dtype: as in `Loss`.
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: Reduction = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


def _unit(x: Array, axis: int) -> Array:
    """Vectors of length one; those shorter than 1e-6 are divided by that, which is the bound that Keras has."""
    squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return ops.multiply(x, ops.rsqrt(ops.maximum(squares, 1e-12)))
