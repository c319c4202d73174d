"""Metrics: means over samples of what people look at. Not differentiable; for that see pyconv.losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv.gradient import Array
from pyconv.operators import value_of
from pyconv.ops.arrays import as_float

__all__ = [
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "Mean",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "Metric",
    "SparseCategoricalAccuracy",
    "accuracy_by_shape",
    "binary_accuracy",
    "categorical_accuracy",
    "get",
    "mean_squared_error",
    "sparse_categorical_accuracy",
]


def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> Array:
    """The part of each sample's answers that are right: y_pred > threshold where y_true is 1, else not."""
    true, pred = _same_shape("binary_accuracy", y_true, y_pred)
    return np.asarray(np.mean(true == (pred > threshold), axis=-1))


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """1 where the largest entry of one-hot y_true (N, ..., K) is the largest of y_pred, otherwise 0."""
    true, pred = _same_shape("categorical_accuracy", y_true, y_pred)
    return np.asarray(true.argmax(axis=-1) == pred.argmax(axis=-1), np.float64)


def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """1 where y_true, class numbers of shape (N, ...) or (N, ..., 1), is the largest entry of y_pred, otherwise 0."""
    true, pred = _arrays("sparse_categorical_accuracy", y_true, y_pred)
    if true.ndim == pred.ndim and true.shape[-1] == 1:
        true = true[..., 0]
    if true.shape != pred.shape[:-1]:
        raise ValueError(
            "sparse_categorical_accuracy: y_true must have y_pred's shape without the last axis. "
            f"Received: y_true.shape={np.shape(y_true)}, y_pred.shape={pred.shape}."
        )
    return np.asarray(true == pred.argmax(axis=-1), np.float64)


def accuracy_by_shape(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """What "accuracy" means in `compile`: binary, sparse or categorical accuracy, whichever fits the shapes."""
    true, pred = np.shape(y_true), np.shape(y_pred)
    if pred and pred[-1] == 1:
        # One answer a sample: labels may come without the axis of size 1.
        return binary_accuracy(np.reshape(y_true, pred) if true == pred[:-1] else y_true, y_pred)
    if len(true) < len(pred) or (true and true[-1] == 1):
        return sparse_categorical_accuracy(y_true, y_pred)
    return categorical_accuracy(y_true, y_pred)


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """Each sample's mean of (y_true - y_pred)^2 over the last axis."""
    true, pred = _same_shape("mean_squared_error", y_true, y_pred)
    return np.asarray(np.mean((true - pred) ** 2, axis=-1))


class Metric:
    """The base of all metrics: a state that batches update, and a result.

    Args:
        name: its name in logs and in History.
    """

    _direction: str | None = None  # "up" if more is better, "down" if less is: what callbacks with mode="auto" ask

    def __init__(self, name: str) -> None:
        self.name = name

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Takes a batch into account: (y_true, y_pred, sample_weight=None) as a rule."""
        raise NotImplementedError(f"{type(self).__name__}: a metric must define update_state.")

    def result(self) -> Any:
        """The metric's value for all batches since `reset_state`."""
        raise NotImplementedError(f"{type(self).__name__}: a metric must define result.")

    def reset_state(self) -> None:
        """Forgets all batches."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class Mean(Metric):
    """A weighted mean of numbers that come one after another; 0 before the first.

    Args:
        name: its name in logs.

    Example:
    >>> from pyconv.metrics import Mean
    >>> loss = Mean("loss")
    >>> loss.update_state([1.0, 2.0])
    >>> loss.update_state(6.0, sample_weight=2)
    >>> loss.result()
    3.75
    """

    def __init__(self, name: str = "mean") -> None:
        super().__init__(name)
        self.reset_state()

    def update_state(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Takes numbers into account, each weighted by its sample_weight."""
        numbers = np.asarray(value_of(values), np.float64)
        weights = np.ones(()) if sample_weight is None else np.asarray(sample_weight, np.float64)
        # One weight a sample serves all of a sample's numbers.
        weights = np.broadcast_to(weights.reshape(weights.shape + (1,) * (numbers.ndim - weights.ndim)), numbers.shape)
        self._total += float(np.sum(numbers * weights))
        self._count += float(np.sum(weights))

    def result(self) -> float:
        """The mean so far."""
        return self._total / self._count if self._count else 0.0

    def reset_state(self) -> None:
        """Forgets all numbers."""
        self._total = self._count = 0.0


class MeanMetricWrapper(Metric):
    """The mean over samples of a function of y_true and y_pred.

    Args:
        fn: a function that returns a number for each sample.
        name: the metric's name; the function's by default.
        **kwargs: further arguments of the function.
    """

    def __init__(self, fn: Callable[..., ArrayLike], name: str | None = None, **kwargs: Any) -> None:
        self._fn = fn
        self._kwargs = kwargs
        self._mean = Mean()
        function_name = str(getattr(fn, "__name__", type(fn).__name__))
        self._direction = "up" if "accuracy" in function_name else None
        super().__init__(name or function_name)

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        self._mean.update_state(self._fn(y_true, y_pred, **self._kwargs), sample_weight)

    def result(self) -> float:
        return self._mean.result()

    def reset_state(self) -> None:
        self._mean.reset_state()


class BinaryAccuracy(MeanMetricWrapper):
    """How often yes or no is right.

    Args:
        name: the metric's name.
        threshold: predictions above it mean yes.

    Example:
    >>> from pyconv.metrics import BinaryAccuracy
    >>> BinaryAccuracy()([[1], [0], [1], [0]], [[0.9], [0.2], [0.4], [0.1]])
    0.75
    """

    def __init__(self, name: str = "binary_accuracy", threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, threshold=threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the likeliest class is right, labels being one-hot vectors.

    Args:
        name: the metric's name.
    """

    def __init__(self, name: str = "categorical_accuracy") -> None:
        super().__init__(categorical_accuracy, name)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the likeliest class is right, labels being class numbers.

    Args:
        name: the metric's name.

    Example:
    >>> from pyconv.metrics import SparseCategoricalAccuracy
    >>> SparseCategoricalAccuracy()([0, 2], [[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])
    0.5
    """

    def __init__(self, name: str = "sparse_categorical_accuracy") -> None:
        super().__init__(sparse_categorical_accuracy, name)


class MeanSquaredError(MeanMetricWrapper):
    """The mean of (y_true - y_pred)^2.

    Args:
        name: the metric's name.
    """

    def __init__(self, name: str = "mean_squared_error") -> None:
        super().__init__(mean_squared_error, name)


_FUNCTIONS: dict[str, Callable[..., Array]] = {
    "accuracy": accuracy_by_shape,
    "acc": accuracy_by_shape,
    "binary_accuracy": binary_accuracy,
    "categorical_accuracy": categorical_accuracy,
    "sparse_categorical_accuracy": sparse_categorical_accuracy,
    "mean_squared_error": mean_squared_error,
    "mse": mean_squared_error,
}


def get(identifier: Any) -> Metric:
    """A metric by its name or made from a function of y_true and y_pred; a metric is returned as it is.

    Raises:
        TypeError: if identifier is none of these.
        ValueError: if there is no metric of that name.
    """
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, str):
        function = _FUNCTIONS.get(identifier.lower())
        if function is None:
            raise ValueError(
                f"metrics.get: there is no metric of that name, only {', '.join(_FUNCTIONS)}. "
                f"Received: identifier={identifier!r}."
            )
        return MeanMetricWrapper(function, identifier)
    if callable(identifier) and not isinstance(identifier, type):
        return MeanMetricWrapper(identifier)
    raise TypeError(f"metrics.get: give a name, a metric or a function. Received: identifier={identifier!r}.")


def _arrays(op: str, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    true, pred = as_float(op, "y_true", y_true), as_float(op, "y_pred", y_pred)
    if pred.ndim == 0:
        raise ValueError(f"{op}: y_pred must have a batch axis. Received: y_pred.shape=().")
    return true, pred


def _same_shape(op: str, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    true, pred = _arrays(op, y_true, y_pred)
    if true.shape != pred.shape:
        raise ValueError(
            f"{op}: y_true and y_pred must have the same shape. "
            f"Received: y_true.shape={true.shape}, y_pred.shape={pred.shape}."
        )
    return true, pred
