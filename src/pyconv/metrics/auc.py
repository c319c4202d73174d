"""The area under a curve that thresholds draw, from counts at many of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import config
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.metrics.confusion import Counts, quotient
from pyconv.metrics.metric import Metric, alike, weights_for
from pyconv.ops import sigmoid
from pyconv.ops.geometry import integer


class AUC(Counts):
    """The area under the ROC curve (recall over the share of false alarms) or the PR curve (precision over recall).

    Args:
        num_thresholds: how many thresholds draw the curve, evenly spaced in [0, 1].
        curve: "ROC" or "PR".
        summation_method: between two points the curve is "interpolation" (for PR as in Davis and Goadrich 2006, else a
            straight line), or the lower of both, "minoring", or the higher, "majoring".
        name: the metric's name.
        dtype: as in `Metric`.
        thresholds: the inner thresholds instead of num_thresholds.
        multi_label: whether each column of (N, L) has a curve of its own, and the result is the mean of their areas.
        num_labels: L; taken, the first batch shows it.
        label_weights: weights of the columns: of their areas with multi_label, else of their answers.
        from_logits: whether predictions are logits, what goes into a sigmoid.

    Raises:
        ValueError: if an argument is out of its range.

    Example:
    >>> from pyconv.metrics import AUC
    >>> round(AUC()([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]), 3)
    0.75
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        if curve not in ("ROC", "PR"):
            raise ValueError(f'AUC: curve must be "ROC" or "PR". Received: curve={curve!r}.')
        if summation_method not in ("interpolation", "minoring", "majoring"):
            raise ValueError(
                'AUC: summation_method must be "interpolation", "minoring" or "majoring". '
                f"Received: summation_method={summation_method!r}."
            )
        self._given = (
            None if thresholds is None else sorted(real_number("AUC", "thresholds", t, 0, 1) for t in thresholds)
        )
        if self._given is None:
            count = integer("AUC", "num_thresholds", num_thresholds, minimum=2)
            inner = [step / (count - 1) for step in range(1, count - 1)]
        else:
            inner, count = self._given, len(self._given) + 2
        # The outer two lie beyond 0 and 1, so that the curve begins and ends where it should.
        super().__init__(name, dtype, [-config.epsilon(), *inner, 1 + config.epsilon()])
        self.num_thresholds, self.curve, self.summation_method = count, curve, summation_method
        self.multi_label, self.num_labels, self.from_logits = bool(multi_label), num_labels, bool(from_logits)
        self.label_weights = None if label_weights is None else np.asarray(label_weights, np.float64)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        weights = config.get("label_weights")
        if isinstance(weights, dict):  # as Keras describes arrays
            config = {**config, "label_weights": weights["config"]["value"]}
        return cls(**config)

    @property
    def thresholds(self) -> list[float]:
        """All thresholds."""
        return [float(level) for level in self._levels]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None) -> None:
        """Takes a batch into account."""
        true, pred = alike("AUC", y_true, y_pred)
        if self.from_logits:
            pred = sigmoid(pred)
        weights = weights_for("AUC", sample_weight, pred.shape)
        if self.multi_label:
            if pred.ndim != 2:
                raise ValueError(f"AUC: y_pred must be (N, L) with multi_label. Received: y_pred.shape={pred.shape}.")
            self.count(true, pred, weights)
            return
        if self.label_weights is not None:
            weights = weights * self.label_weights
        self.count(true.reshape(-1, 1), pred.reshape(-1, 1), weights.reshape(-1, 1))

    def result(self) -> float:
        """The area so far, 0 before the first batch."""
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = self._interpolated()
        else:
            recall = quotient(self.true_positives, self.true_positives + self.false_negatives)
            if self.curve == "ROC":
                x, y = quotient(self.false_positives, self.false_positives + self.true_negatives), recall
            else:
                x, y = recall, quotient(self.true_positives, self.true_positives + self.false_positives)
            areas = ((x[:-1] - x[1:]) * self._heights(y[:-1], y[1:])).sum(axis=0)
        if self.label_weights is None or not self.multi_label:
            return float(areas.mean())
        return float((areas * self.label_weights).sum() / self.label_weights.sum())

    def get_config(self) -> dict[str, Any]:
        own: dict[str, Any] = {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": None if self.label_weights is None else self.label_weights.tolist(),
            "from_logits": self.from_logits,
        }
        return super().get_config() | own | ({} if self._given is None else {"thresholds": self._given})

    def _heights(self, left: Array, right: Array) -> Array:
        if self.summation_method == "minoring":
            return np.minimum(left, right)
        return np.maximum(left, right) if self.summation_method == "majoring" else (left + right) / 2

    def _interpolated(self) -> Array:
        """The area under the PR curve where between two points true and false positives grow in proportion.

        Between counts of yes p1 < p2 true positives are tp1 + s (p - p1), s their slope; the area is the integral of
        (tp / p) over tp: s (tp2 - tp1 + (tp1 - s p1) log(p2 / p1)) / positives.
        """
        said = self.true_positives + self.false_positives
        gained, steps = self.true_positives[:-1] - self.true_positives[1:], said[:-1] - said[1:]
        slope = quotient(gained, steps)
        start = self.true_positives[1:] - slope * said[1:]
        ratio = np.where((said[:-1] > 0) & (said[1:] > 0), quotient(said[:-1], said[1:]), 1.0)
        positives = self.true_positives[1:] + self.false_negatives[1:]
        areas: Array = quotient(slope * (gained + start * np.log(ratio)), positives).sum(axis=0)
        return areas
