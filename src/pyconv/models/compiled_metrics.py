"""The metrics that `compile` is given, for one output or for each of several, and their names in logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyconv import metrics, tree
from pyconv.metrics import Metric
from pyconv.models.outputs import names_of, per_output


class CompiledMetrics:
    """Metrics of outputs.

    Args:
        op: the model's class, for errors.
        given: metrics, their names or functions: one, or a list. With several outputs a list or dictionary that has
            such for each output, None where there are none.
        weighted: likewise, for metrics that are told the samples' weights.

    Raises:
        TypeError: if one is of a wrong type.
        ValueError: if a name is unknown.
    """

    def __init__(self, op: str, given: Any, weighted: Any) -> None:
        self._op = op
        self._given = [_made(given), _made(weighted)]
        self._by_output: list[list[list[Metric]]] = []  # those without weights and those with, each by output
        self.names: dict[Metric, str] = {}  # in logs, where it isn't the metric's own

    @property
    def metrics(self) -> list[Metric]:
        """All metrics, known from the first batch on if there are several outputs."""
        if not self._by_output:
            return [metric for given in self._given for metric in tree.flatten(given) if metric is not None]
        return [metric for kind in self._by_output for of_output in kind for metric in of_output]

    def update_state(self, y: Any, y_pred: Any, sample_weight: Any, output_names: Sequence[str]) -> None:
        """Takes a batch into account.

        Raises:
            ValueError: if labels, weights or metrics don't fit the outputs.
        """
        if not self._by_output:
            self._match(y_pred, output_names)
        if not self.metrics:
            return
        predictions = tree.flatten(y_pred)
        labels = per_output(self._op, "y", y, y_pred, output_names)
        weights = [sample_weight] * len(predictions)
        if isinstance(sample_weight, dict | list | tuple):
            weights = per_output(self._op, "sample_weight", sample_weight, y_pred, output_names)
        plain, weighted = self._by_output
        for index, prediction in enumerate(predictions):
            for metric in plain[index]:
                metric.update_state(labels[index], prediction)
            for metric in weighted[index]:
                metric.update_state(labels[index], prediction, sample_weight=weights[index])

    def _match(self, y_pred: Any, output_names: Sequence[str]) -> None:
        names = names_of(y_pred, output_names)
        for what, given in zip(("metrics", "weighted_metrics"), self._given, strict=True):
            if given is None or given == []:
                matched: list[Any] = [None] * len(names)
            elif len(names) == 1:
                matched = [tree.flatten(given)]
            else:
                matched = per_output(self._op, what, given, y_pred, output_names)
            self._by_output.append([[m for m in tree.flatten(each) if m is not None] for each in matched])
        self._name(names if len(names) > 1 else [None])

    def _name(self, outputs: list[str | None]) -> None:
        """Names for logs as Keras has them: the output's before, "weighted_" or a number where two are the same."""
        counts: dict[str, int] = {}
        for kind, prefix in zip(self._by_output, ("", "weighted_"), strict=True):
            for output, of_output in zip(outputs, kind, strict=True):
                start = "" if output is None else f"{output}_"
                for metric in of_output:
                    name = f"{start}{metric.name}"
                    if name in counts and prefix:
                        name = f"{start}{prefix}{metric.name}"
                    counts[name] = counts.get(name, 0) + 1
                    self.names[metric] = name if counts[name] == 1 else f"{name}_{counts[name] - 1}"


def _made(given: Any) -> Any:
    return tree.map_structure(lambda each: None if each is None else metrics.get(each), given)
