"""Losses with Keras' names, values and gradients. What a model minimises, not what it reports: see `metrics`.

The lower-case functions give one number a sample, the classes reduce those to one number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import config, ops
from pyconv.gradient import Array, record
from pyconv.operators import traced, value_of
from pyconv.ops.arrays import as_classes, as_float
from pyconv.ops.geometry import axis_tuple
from pyconv.ops.reductions import log_softmax

__all__ = [
    "CategoricalCrossentropy",
    "Loss",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "categorical_crossentropy",
    "get",
    "mean_squared_error",
    "sparse_categorical_crossentropy",
]

_REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


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
    predicted = as_float(op, "y_pred", y_pred)
    target = as_float(op, "y_true", y_true).astype(predicted.dtype)
    if target.shape != predicted.shape:
        raise ValueError(
            f"{op}: y_true and y_pred must have the same shape; class numbers belong to the sparse loss. "
            f"Received: y_true.shape={target.shape}, y_pred.shape={predicted.shape}."
        )
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{op}: label_smoothing must be in [0, 1]. Received: label_smoothing={label_smoothing}.")
    (class_axis,) = axis_tuple(op, (axis,), predicted.ndim)
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / target.shape[class_axis]
    return ops.sum(ops.multiply(_log_probabilities(predicted, from_logits, class_axis), -target), class_axis)


def sparse_categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    ignore_class: None = None,
    axis: int = -1,
) -> Array:
    """-log(p[class]): `categorical_crossentropy` for classes given by their numbers.

    Args:
        y_true: class numbers, (...) or (..., 1).
        y_pred: probabilities, or logits, (..., K).
        from_logits: whether y_pred are logits, what goes into a softmax.
        ignore_class: not supported yet, None.
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
    if ignore_class is not None:
        raise ValueError(f"{op}: ignore_class is not supported yet. Received: ignore_class={ignore_class!r}.")
    predicted = as_float(op, "y_pred", y_pred)
    (class_axis,) = axis_tuple(op, (axis,), predicted.ndim)
    classes = as_classes(op, "y_true", y_true, predicted.shape[class_axis])
    single = tuple(1 if axis == class_axis else size for axis, size in enumerate(predicted.shape))
    samples = tuple(size for axis, size in enumerate(predicted.shape) if axis != class_axis)
    if classes.shape not in (samples, single):
        raise ValueError(
            f"{op}: y_true must have the shape of y_pred without its axis {axis}, the classes. "
            f"Received: y_true.shape={classes.shape}, y_pred.shape={predicted.shape}."
        )
    places = classes.reshape(single)
    logs = _log_probabilities(predicted, from_logits, class_axis)
    values: Array = -np.take_along_axis(logs, places, class_axis).reshape(samples)

    def logs_gradient(dy: Array) -> Array:
        gradient = np.zeros_like(logs)
        np.put_along_axis(gradient, places, -dy.reshape(single), class_axis)
        return gradient

    record(values, (logs, logs_gradient))
    return values


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """The mean of (y_true - y_pred)**2 over the last axis.

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
    op = "mean_squared_error"
    predicted = as_float(op, "y_pred", y_pred)
    target = as_float(op, "y_true", y_true).astype(predicted.dtype)
    if predicted.shape == (*target.shape, 1):
        target = target[..., np.newaxis]
    elif target.shape == (*predicted.shape, 1):
        predicted = ops.reshape(predicted, target.shape)
    if target.shape != predicted.shape or not predicted.ndim:
        raise ValueError(
            f"{op}: y_true and y_pred must have the same shape, with one axis at least. "
            f"Received: y_true.shape={target.shape}, y_pred.shape={predicted.shape}."
        )
    difference = ops.add(predicted, -target)
    return ops.mean(ops.multiply(difference, difference), axis=-1)


class Loss:
    """Base of all losses: `call` gives one number a sample, the reduction makes one of them.

    Args:
        name: the loss' name.
        reduction: "sum_over_batch_size" or "mean" (sum / number of samples), "mean_with_sample_weight" (sum / sum of
            the weights), "sum", or "none" or None for no reduction.

    Raises:
        ValueError: if reduction is none of these.
    """

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size") -> None:
        if reduction not in _REDUCTIONS:
            raise ValueError(
                f"{type(self).__name__}: reduction must be one of {', '.join(map(str, _REDUCTIONS))}. "
                f"Received: reduction={reduction!r}."
            )
        self.name = name or type(self).__name__
        self.reduction = reduction

    def __call__(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> Array:
        """The loss of predictions, as an array without axes unless there is no reduction.

        Args:
            y_true: what should come out.
            y_pred: what came out.
            sample_weight: a factor for each sample: one number, or an array of the leading sizes of the batch.
        """
        values: Array = value_of(self.call(y_true, traced(y_pred)))
        if sample_weight is None:
            weights = np.ones((), values.dtype)
        else:
            weights = _fit_weights(self.name, as_float(self.name, "sample_weight", sample_weight), values)
            values = ops.multiply(values, weights)
        if self.reduction in ("none", None):
            return values
        total = ops.sum(values)
        if self.reduction == "sum":
            return total
        weighted = self.reduction == "mean_with_sample_weight" and sample_weight is not None
        divisor = float(np.broadcast_to(weights, values.shape).sum()) if weighted else values.size
        return ops.multiply(total, np.asarray(1 / divisor if divisor else 0, total.dtype))

    def call(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """One number a sample, made with `pyconv.ops` from y_pred so that its gradient is known."""
        raise NotImplementedError(f"{type(self).__name__}: call() must be defined by the subclass.")

    def get_config(self) -> dict[str, Any]:
        """The arguments from which the constructor makes this loss again."""
        return {"name": self.name, "reduction": self.reduction}


class CategoricalCrossentropy(Loss):
    """`categorical_crossentropy`, reduced.

    Args:
        from_logits: as in the function.
        label_smoothing: as in the function.
        axis: as in the function.
        reduction: as in `Loss`.
        name: as in `Loss`.

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
    ) -> None:
        super().__init__(name, reduction)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)

    def get_config(self) -> dict[str, Any]:
        own = {"from_logits": self.from_logits, "label_smoothing": self.label_smoothing, "axis": self.axis}
        return super().get_config() | own


class SparseCategoricalCrossentropy(Loss):
    """`sparse_categorical_crossentropy`, reduced.

    Args:
        from_logits: as in the function.
        ignore_class: as in the function.
        reduction: as in `Loss`.
        axis: as in the function.
        name: as in `Loss`.
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
    ) -> None:
        super().__init__(name, reduction)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def call(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)

    def get_config(self) -> dict[str, Any]:
        own = {"from_logits": self.from_logits, "ignore_class": self.ignore_class, "axis": self.axis}
        return super().get_config() | own


class MeanSquaredError(Loss):
    """`mean_squared_error`, reduced.

    Args:
        reduction: as in `Loss`.
        name: as in `Loss`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_error",
    ) -> None:
        super().__init__(name, reduction)

    def call(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        return mean_squared_error(y_true, y_pred)


class _FunctionLoss(Loss):
    """A user's function (y_true, y_pred) -> one number a sample, reduced."""

    def __init__(self, function: Callable[[Any, Any], Array]) -> None:
        super().__init__(getattr(function, "__name__", type(function).__name__))
        self._function = function

    def call(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        return self._function(y_true, y_pred)


_CLASSES: dict[str, type[Loss]] = {
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "mean_squared_error": MeanSquaredError,
}
_BY_NAME = (
    _CLASSES | {cls.__name__: cls for cls in _CLASSES.values()} | {"mse": MeanSquaredError, "MSE": MeanSquaredError}
)


def get(identifier: str | Loss | type[Loss] | Callable[[Any, Any], Array]) -> Loss:
    """The loss that `identifier` means, always one that reduces to a number as `Sequential.compile` needs it.

    Args:
        identifier: a name ("mse", "mean_squared_error" or "MeanSquaredError"), a `Loss` or its class, or a function
            (y_true, y_pred) -> one number a sample, made with `pyconv.ops`.

    Raises:
        TypeError: if it is none of these.
        ValueError: if there is no loss of that name.

    Example:
    >>> from pyconv import losses
    >>> losses.get("mse").name
    'mean_squared_error'
    """
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, str):
        if identifier not in _BY_NAME:
            raise ValueError(f"losses.get: identifier must be one of {', '.join(_BY_NAME)}. Received: {identifier!r}.")
        return _BY_NAME[identifier]()
    if isinstance(identifier, type):
        if issubclass(identifier, Loss):
            return identifier()
    elif callable(identifier):
        return _FunctionLoss(identifier)
    raise TypeError(f"losses.get: identifier must be a name, a Loss or a function. Received: {identifier!r}.")


def _log_probabilities(y_pred: Array, from_logits: bool, axis: int) -> Array:
    if from_logits:
        return log_softmax(y_pred, axis)
    smallest, largest = np.asarray([config.epsilon(), 1 - config.epsilon()], y_pred.dtype)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = y_pred.sum(axis=axis, keepdims=True)
        shares = y_pred / total
    clipped = np.clip(shares, smallest, largest)

    def y_pred_gradient(dy: Array) -> Array:
        # Where the share was clipped it has no influence.
        per_share = np.where(shares == clipped, dy / clipped, 0)
        gradient: Array = (per_share - (per_share * shares).sum(axis=axis, keepdims=True)) / total
        return gradient

    logs: Array = np.log(clipped)
    record(logs, (y_pred, y_pred_gradient))
    return logs


def _fit_weights(op: str, weights: Array, values: Array) -> Array:
    """Weights (N,) or (N, 1) for values (N, ...), with axes of size one added at the end."""
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    if weights.shape != values.shape[: weights.ndim]:
        raise ValueError(
            f"{op}: sample_weight must have the leading sizes of the batch. "
            f"Received: sample_weight.shape={weights.shape}, losses a sample {values.shape}."
        )
    return weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim)).astype(values.dtype)
