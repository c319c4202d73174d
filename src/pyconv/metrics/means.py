"""Metrics that add up: Mean, Sum, and the mean of a function of labels and predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv.metrics.metric import Metric, weights_for
from pyconv.operators import value_of


class Mean(Metric):
    """A weighted mean of numbers that come one after another; 0 before the first.

    Args:
        name: its name in logs.
        dtype: as in `Metric`.

    Example:
    >>> from pyconv.metrics import Mean
    >>> loss = Mean("loss")
    >>> loss.update_state([1.0, 2.0])
    >>> loss.update_state(6.0, sample_weight=2)
    >>> loss.result()
    3.75
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(name, dtype)
        self._total = self._count = 0.0

    def update_state(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Takes numbers into account, each weighted by its sample_weight."""
        numbers = np.asarray(value_of(values), np.float64)
        weights = weights_for(self.name, sample_weight, numbers.shape)
        self._total += float(np.sum(numbers * weights))
        self._count += float(np.sum(weights))

    def result(self) -> float:
        """The mean so far."""
        return self._total / self._count if self._count else 0.0

    def reset_state(self) -> None:
        """Forgets all numbers."""
        self._total = self._count = 0.0


class Sum(Mean):
    """A weighted sum of numbers that come one after another; arguments as in `Mean`."""

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def result(self) -> float:
        """The sum so far."""
        return self._total


class MeanMetricWrapper(Metric):
    """The mean over samples of a function of y_true and y_pred.

    Args:
        fn: a function that returns a number for each sample.
        name: the metric's name; the function's by default.
        dtype: as in `Metric`.
        **kwargs: further arguments of the function.
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name or str(getattr(fn, "__name__", type(fn).__name__)), dtype)
        self._fn = fn
        self._arguments = kwargs
        self._mean = Mean(self.name)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None) -> None:
        """Takes a batch into account."""
        self._mean.update_state(self._fn(y_true, y_pred, **self._arguments), sample_weight)

    def result(self) -> float:
        """The mean so far."""
        return self._mean.result()

    def reset_state(self) -> None:
        """Forgets all batches."""
        self._mean.reset_state()

    def get_config(self) -> dict[str, Any]:
        own = {"fn": self._fn} if type(self) is MeanMetricWrapper else {}
        return super().get_config() | own | self._arguments
