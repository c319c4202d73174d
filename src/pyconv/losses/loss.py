"""The base of all losses: one number a sample, made one number by a reduction. Holds no formula of a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import ops
from pyconv.gradient import Array
from pyconv.operators import traced, value_of
from pyconv.ops.arrays import as_float

_REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


class Loss:
    """Base of all losses: `call` gives one number a sample, the reduction makes one of them.

    Args:
        name: the loss' name.
        reduction: "sum_over_batch_size" or "mean" (sum / number of samples), "mean_with_sample_weight" (sum / sum of
            the weights), "sum", or "none" or None for no reduction.
        dtype: taken for programs written for Keras; a loss has the dtype of the predictions.

    Raises:
        ValueError: if reduction is none of these.

    Example:
    >>> from pyconv import losses, ops
    >>> class Gap(losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return ops.mean(ops.absolute(y_pred - y_true), axis=-1)
    >>> float(Gap()(np.array([[1.0, 2.0]]), np.array([[1.5, 2.5]])))
    0.5
    """

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
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
        weights = None if sample_weight is None else as_float(self.name, "sample_weight", sample_weight)
        if weights is not None:
            weights = _fit_weights(self.name, weights, values)
        mask = self.mask(y_true, values)
        if mask is not None:
            counted = mask.astype(values.dtype)
            if self.reduction in ("mean", "sum_over_batch_size"):
                counted *= counted.size / max(1.0, float(counted.sum()))  # the mean is one over what counts
            weights = counted if weights is None else weights * counted
        if weights is not None:
            values = ops.multiply(values, weights)
        return self._reduced(values, weights)

    def call(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        """One number a sample, made with `pyconv.ops` from y_pred so that its gradient is known."""
        raise NotImplementedError(f"{type(self).__name__}: call() must be defined by the subclass.")

    def mask(self, y_true: ArrayLike, values: Array) -> Array | None:
        """Which of the numbers count, None for all."""
        return None

    def get_config(self) -> dict[str, Any]:
        """The arguments from which the constructor makes this loss again."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Loss:
        """A loss made from what `get_config` returned."""
        return cls(**config)

    def _reduced(self, values: Array, weights: Array | None) -> Array:
        if self.reduction in ("none", None):
            return values
        total: Array = ops.sum(values)
        if self.reduction == "sum":
            return total
        weighted = self.reduction == "mean_with_sample_weight" and weights is not None
        divisor = float(np.broadcast_to(weights, values.shape).sum()) if weighted else values.size  # type: ignore[arg-type]
        reduced: Array = ops.multiply(total, np.asarray(1 / divisor if divisor else 0, total.dtype))
        return reduced


class LossFunctionWrapper(Loss):
    """A function (y_true, y_pred, **kwargs) -> one number a sample, reduced.

    Args:
        fn: the function, written with `pyconv.ops`.
        reduction: as in `Loss`.
        name: the loss' name; the function's by default.
        dtype: as in `Loss`.
        **kwargs: further arguments of the function, which become attributes and part of the configuration.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name or str(getattr(fn, "__name__", type(fn).__name__)), reduction, dtype)
        self.fn = fn
        self._arguments = kwargs
        vars(self).update(kwargs)

    def call(self, y_true: ArrayLike, y_pred: ArrayLike) -> Array:
        result: Array = self.fn(y_true, y_pred, **self._arguments)
        return result

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self._arguments


def _fit_weights(op: str, weights: Array, values: Array) -> Array:
    """Weights (N,) or (N, 1) for values (N, ...), with axes of size one added at the end."""
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    if values.ndim and weights.shape != values.shape[: weights.ndim]:
        raise ValueError(
            f"{op}: sample_weight must have the leading sizes of the batch. "
            f"Received: sample_weight.shape={weights.shape}, losses a sample {values.shape}."
        )
    return weights.reshape(weights.shape + (1,) * (values.ndim - weights.ndim)).astype(values.dtype)
