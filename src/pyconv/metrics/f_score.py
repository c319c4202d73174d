"""F-scores: precision and recall in one number, for each class or as a mean over them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import config
from pyconv.arguments import real_number
from pyconv.metrics.metric import Metric, alike, weights_for


class FBetaScore(Metric):
    """(1 + beta^2) * precision * recall / (beta^2 * precision + recall).

    Args:
        average: None for a result for each class; "micro" counts all classes together; "macro" is the mean over
            classes, "weighted" that by how often they occur.
        beta: how much more recall counts than precision.
        threshold: predictions above it mean yes; None: the largest one of a sample alone does.
        name: the metric's name.
        dtype: as in `Metric`.

    Raises:
        ValueError: if an argument is out of its range; later, if labels or predictions aren't (N, K).
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, dtype)
        op = type(self).__name__
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                f'{op}: average must be None, "micro", "macro" or "weighted". Received: average={average!r}.'
            )
        self.average = average
        self.beta = real_number(op, "beta", beta, 0, math.inf, open_end=True)
        self.threshold = None if threshold is None else real_number(op, "threshold", threshold, 0, 1)
        self._right: Any = 0.0  # weights of yes that were said and right, by class
        self._said: Any = 0.0
        self._present: Any = 0.0

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None) -> None:
        """Takes a batch into account: one-hot labels, or several yes a sample, and predictions, (N, K)."""
        op = type(self).__name__
        true, pred = alike(op, y_true, y_pred)
        if pred.ndim != 2:
            raise ValueError(f"{op}: y_true and y_pred must be (N, K). Received: y_pred.shape={pred.shape}.")
        weights = weights_for(op, sample_weight, pred.shape)
        if self.threshold is None:
            said = (pred >= pred.max(axis=-1, keepdims=True)) & (np.abs(pred) > 1e-9)  # zeros alone say nothing
        else:
            said = pred > self.threshold
        self._right = self._right + (weights * true * said).sum(axis=0)
        self._said = self._said + (weights * said).sum(axis=0)
        self._present = self._present + (weights * true).sum(axis=0)

    def result(self) -> Any:
        """The score so far: an array (K,) without an average, else a number."""
        right, said, present = (
            np.sum(counts) if self.average == "micro" else np.asarray(counts)
            for counts in (self._right, self._said, self._present)
        )
        tiny = config.epsilon()  # where a class never occurs, the score is 0
        precision, recall = right / (said + tiny), right / (present + tiny)
        score = (1 + self.beta**2) * precision * recall / (self.beta**2 * precision + recall + tiny)
        if self.average is None:
            return score
        if self.average == "weighted":
            return float(np.sum(score * present / (np.sum(present) + tiny)))
        return float(np.mean(score))

    def reset_state(self) -> None:
        """Forgets all batches."""
        self._right = self._said = self._present = 0.0

    def get_config(self) -> dict[str, Any]:
        own = {"average": self.average, "beta": self.beta, "threshold": self.threshold}
        return super().get_config() | own


class F1Score(FBetaScore):
    """`FBetaScore` with beta = 1, the harmonic mean of precision and recall.

    Args:
        average: as in `FBetaScore`.
        threshold: as in `FBetaScore`.
        name: the metric's name.
        dtype: as in `Metric`.

    Example:
    >>> from pyconv.metrics import F1Score
    >>> labels, predictions = [[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]
    >>> F1Score()(np.array(labels), np.array(predictions)).round(3)
    array([0.667, 0.667])
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return {name: value for name, value in super().get_config().items() if name != "beta"}
