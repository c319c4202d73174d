"""How often predictions are right: as functions, one number a sample, and as metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv.gradient import Array
from pyconv.metrics.means import MeanMetricWrapper
from pyconv.metrics.metric import alike, arrays
from pyconv.ops.geometry import integer


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """The part of each sample's numbers that are equal."""
    true, pred = alike("accuracy", y_true, y_pred)
    return np.asarray(np.mean(true == pred, axis=-1))


def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> Array:
    """The part of each sample's answers that are right: y_pred > threshold where y_true is 1, else not."""
    true, pred = alike("binary_accuracy", y_true, y_pred)
    return np.asarray(np.mean(true == (pred > threshold), axis=-1))


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """1 where the largest entry of one-hot y_true (N, ..., K) is the largest of y_pred, otherwise 0."""
    true, pred = alike("categorical_accuracy", y_true, y_pred)
    return np.asarray(true.argmax(axis=-1) == pred.argmax(axis=-1), np.float64)


def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """1 where y_true, class numbers of shape (N, ...) or (N, ..., 1), is the largest entry of y_pred, otherwise 0."""
    true, pred = _classes("sparse_categorical_accuracy", y_true, y_pred)
    return np.asarray(true == pred.argmax(axis=-1), np.float64)


def top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> Array:
    """1 where the class of one-hot y_true is among the k largest entries of y_pred, otherwise 0."""
    true, pred = alike("top_k_categorical_accuracy", y_true, y_pred)
    return _among_top(true.argmax(axis=-1), pred, k)


def sparse_top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> Array:
    """1 where the class y_true is among the k largest entries of y_pred, otherwise 0."""
    true, pred = _classes("sparse_top_k_categorical_accuracy", y_true, y_pred)
    return _among_top(true.astype(np.int64), pred, k)


def accuracy_by_shape(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """What "accuracy" means in `compile`: binary, sparse or categorical accuracy, whichever fits the shapes."""
    true, pred = np.shape(y_true), np.shape(y_pred)
    if pred and pred[-1] == 1:
        return binary_accuracy(y_true, y_pred)
    if len(true) < len(pred) or (true and true[-1] == 1):
        return sparse_categorical_accuracy(y_true, y_pred)
    return categorical_accuracy(y_true, y_pred)


class Accuracy(MeanMetricWrapper):
    """How often numbers are equal.

    Args:
        name: the metric's name.
        dtype: as in `Metric`.
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often yes or no is right.

    Args:
        name: the metric's name.
        dtype: as in `Metric`.
        threshold: predictions above it mean yes.

    Example:
    >>> from pyconv.metrics import BinaryAccuracy
    >>> BinaryAccuracy()([[1], [0], [1], [0]], [[0.9], [0.2], [0.4], [0.1]])
    0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the likeliest class is right, labels being one-hot vectors; arguments as in `Accuracy`."""

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the likeliest class is right, labels being class numbers; arguments as in `Accuracy`.

    Example:
    >>> from pyconv.metrics import SparseCategoricalAccuracy
    >>> SparseCategoricalAccuracy()([0, 2], [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])
    0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the right class is among the k likeliest, labels being one-hot vectors.

    Args:
        k: see above, 1 or more.
        name: the metric's name.
        dtype: as in `Metric`.
    """

    _direction = "up"

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        k = integer(type(self).__name__, "k", k)
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """`TopKCategoricalAccuracy` for labels that are class numbers; arguments as there."""

    _direction = "up"

    def __init__(self, k: int = 5, name: str | None = "sparse_top_k_categorical_accuracy", dtype: Any = None) -> None:
        k = integer(type(self).__name__, "k", k)
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k)


def _classes(op: str, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    true, pred = arrays(op, y_true, y_pred)
    if true.ndim == pred.ndim and true.shape[-1] == 1:
        true = true[..., 0]
    if true.shape != pred.shape[:-1]:
        raise ValueError(
            f"{op}: y_true must have y_pred's shape without the last axis. "
            f"Received: y_true.shape={np.shape(y_true)}, y_pred.shape={pred.shape}."
        )
    return true, pred


def _among_top(classes: Array, pred: Array, k: int) -> Array:
    right = np.take_along_axis(pred, classes[..., np.newaxis], axis=-1)
    return np.asarray((pred > right).sum(axis=-1) < k, np.float64)
