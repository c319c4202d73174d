"""How often yes was said and right: counts at thresholds, and Precision and Recall, quotients of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.metrics.metric import Metric, alike, weights_for
from pyconv.ops.geometry import integer

_NEVER = -1e10  # below every prediction: with top_k all that is among the top is a yes


class Counts(Metric):
    """The base of metrics that count: at each threshold t a prediction above t means yes.

    `counts` are the weights of right and wrong answers, [label yes, label no] x thresholds x labels, of those whose
    prediction was above the threshold; `totals` the same of all. What wasn't above is their difference.
    """

    def __init__(self, name: str | None, dtype: Any, thresholds: Iterable[float]) -> None:
        super().__init__(name, dtype)
        self._levels = np.asarray(list(thresholds), np.float64)
        self._order = np.argsort(self._levels, kind="stable")
        self.reset_state()

    def reset_state(self) -> None:
        """Forgets all batches."""
        self._above: Any = np.zeros((2, len(self._levels), 1))
        self._all: Any = np.zeros((2, 1, 1))

    def count(self, true: Array, pred: Array, weights: Array) -> None:
        """Takes labels, predictions and weights (N, L) into account: L columns counted apart."""
        levels = self._levels[self._order].astype(pred.dtype)
        above = np.zeros((2, len(levels), pred.shape[1]))
        for column in range(pred.shape[1]):
            # How many thresholds lie below each prediction: it is above the first so many of them.
            passed = np.searchsorted(levels, pred[:, column], side="left")
            for row, is_yes in enumerate((true[:, column] != 0, true[:, column] == 0)):
                found = np.bincount(passed[is_yes], weights[is_yes, column], minlength=len(levels) + 1)
                above[row, self._order, column] = found[::-1].cumsum()[::-1][1:]
        self._above = self._above + above
        yes = true != 0
        self._all = self._all + np.stack([(weights * yes).sum(axis=0), (weights * ~yes).sum(axis=0)])[:, np.newaxis]

    @property
    def true_positives(self) -> Array:
        """(thresholds, L)"""
        return np.asarray(self._above[0])

    @property
    def false_positives(self) -> Array:
        """(thresholds, L)"""
        return np.asarray(self._above[1])

    @property
    def false_negatives(self) -> Array:
        """(thresholds, L)"""
        return np.asarray(self._all[0] - self._above[0])

    @property
    def true_negatives(self) -> Array:
        """(thresholds, L)"""
        return np.asarray(self._all[1] - self._above[1])


class _AtThresholds(Counts):
    """Counts of all answers together, at thresholds that the user gives."""

    def __init__(
        self, thresholds: Any, name: str | None, dtype: Any, top_k: int | None = None, class_id: int | None = None
    ) -> None:
        op = type(self).__name__
        self.thresholds = thresholds
        self.top_k = None if top_k is None else integer(op, "top_k", top_k)
        self.class_id = None if class_id is None else integer(op, "class_id", class_id, minimum=0)
        default = 0.5 if top_k is None else _NEVER
        listed = thresholds if isinstance(thresholds, list | tuple) else [default if thresholds is None else thresholds]
        low = _NEVER if thresholds is None else 0
        super().__init__(name, dtype, [real_number(op, "thresholds", each, low, 1) for each in listed])

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None) -> None:
        """Takes a batch into account."""
        true, pred = alike(type(self).__name__, y_true, y_pred)
        weights = weights_for(type(self).__name__, sample_weight, pred.shape)
        if self.top_k is not None:
            kth = np.partition(pred, -self.top_k, axis=-1)[..., -self.top_k, np.newaxis]
            pred = np.where(pred >= kth, pred, np.asarray(2 * _NEVER, pred.dtype))
        if self.class_id is not None:
            true, pred, weights = (each[..., self.class_id] for each in (true, pred, weights))
        self.count(true.reshape(-1, 1), pred.reshape(-1, 1), weights.reshape(-1, 1))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"thresholds": self.thresholds}

    def _answer(self, numbers: Array) -> Any:
        """A number for one threshold, an array for several."""
        return numbers[:, 0].copy() if isinstance(self.thresholds, list | tuple) else float(numbers[0, 0])


class TruePositives(_AtThresholds):
    """How many yes were said where yes was right.

    Args:
        thresholds: a number, or a list for as many results; predictions above mean yes. 0.5 by default.
        name: the metric's name.
        dtype: as in `Metric`.
    """

    _direction = "up"

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds, name, dtype)

    def result(self) -> Any:
        return self._answer(self.true_positives)


class TrueNegatives(_AtThresholds):
    """How many no were said where no was right; arguments as in `TruePositives`."""

    _direction = "up"

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds, name, dtype)

    def result(self) -> Any:
        return self._answer(self.true_negatives)


class FalsePositives(_AtThresholds):
    """How many yes were said where no was right; arguments as in `TruePositives`."""

    _direction = "down"

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds, name, dtype)

    def result(self) -> Any:
        return self._answer(self.false_positives)


class FalseNegatives(_AtThresholds):
    """How many no were said where yes was right; arguments as in `TruePositives`."""

    _direction = "down"

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds, name, dtype)

    def result(self) -> Any:
        return self._answer(self.false_negatives)


class Precision(_AtThresholds):
    """Which part of those to whom yes was said it was right for; 0 if it was never said.

    Args:
        thresholds: as in `TruePositives`; with top_k anything by default.
        top_k: only the k largest predictions of a sample mean yes.
        class_id: only this column of the labels counts.
        name: the metric's name.
        dtype: as in `Metric`.

    Raises:
        ValueError: if an argument is out of its range.

    Example:
    >>> from pyconv.metrics import Precision
    >>> Precision()([0, 1, 1, 1], [0.9, 0.2, 0.7, 0.8])
    0.6666666666666666
    """

    _direction = "up"

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(thresholds, name, dtype, top_k, class_id)

    def result(self) -> Any:
        return self._answer(quotient(self.true_positives, self.true_positives + self.false_positives))

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"top_k": self.top_k, "class_id": self.class_id}


class Recall(Precision):
    """For which part of those for whom yes is right it was said; 0 if there are none. Arguments as in `Precision`."""

    def result(self) -> Any:
        return self._answer(quotient(self.true_positives, self.true_positives + self.false_negatives))


def quotient(numerator: Array, denominator: Array) -> Array:
    """The quotient, 0 where the denominator is."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator, dtype=np.float64), where=denominator != 0)
