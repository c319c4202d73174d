"""The losses that `compile` is given, one for all outputs or one for each, and their sum. Knows no layer."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from pyconv import losses, ops, tree
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.losses import Loss
from pyconv.metrics import Mean
from pyconv.models.outputs import names_of, per_output


class CompiledLosses:
    """The sum of the outputs' losses, each times its weight.

    Args:
        op: the model's class, for errors.
        loss: a loss, its name or a function, for all outputs; or a list or dictionary of such, None where an output
            has no loss.
        loss_weights: a factor for each output's loss, likewise.

    Raises:
        TypeError: if a loss or weight is of a wrong type.
        ValueError: if a loss' name is unknown.
    """

    def __init__(self, op: str, loss: Any, loss_weights: Any = None) -> None:
        self._op = op
        self._losses = tree.map_structure(lambda each: None if each is None else losses.get(each), loss)
        self._weights = tree.map_structure(lambda each: _weight(op, each), loss_weights)
        self._by_output: list[Loss | None] | None = None
        self._factors: list[float | None] = []
        self.metrics: list[Mean] = []  # each output's loss, if there are several

    def __call__(self, y: Any, y_pred: Any, sample_weight: Any, output_names: Sequence[str]) -> Array:
        """The loss of a batch.

        Args:
            y: labels, in the structure of y_pred, or in a list or dictionary by output.
            y_pred: the model's results.
            sample_weight: weights of samples, for all outputs or for each; None for none.
            output_names: the outputs' names, empty if there are none.

        Raises:
            ValueError: if labels, weights or losses don't fit the outputs.
        """
        if self._by_output is None:
            self._match(y_pred, output_names)
        predictions = tree.flatten(y_pred)
        weights = self._sample_weights(sample_weight, y_pred, output_names)
        found = []
        trackers = iter(self.metrics)
        for index, label in self._labels(y, y_pred, output_names):
            loss = (self._by_output or [])[index]
            assert loss is not None
            value = loss(label, predictions[index], weights[index])
            if np.ndim(value) != 0:
                raise ValueError(
                    f"{self._op}: the loss must be one number for a batch, so its reduction can't be None. "
                    f"Received: a loss of shape {np.shape(value)}."
                )
            if self.metrics:
                next(trackers).update_state(value, sample_weight=len(predictions[index]))
            factor = self._factors[index]
            found.append(value if factor is None else ops.multiply(value, factor))
        return functools.reduce(ops.add, found)

    def _match(self, y_pred: Any, output_names: Sequence[str]) -> None:
        """Finds each output's loss; the first batch shows what outputs there are."""
        names = names_of(y_pred, output_names)
        shared = isinstance(self._losses, Loss)
        matched = (
            [self._losses] * len(names) if shared else self._for_outputs("loss", self._losses, y_pred, output_names)
        )
        if all(loss is None for loss in matched):
            raise ValueError(f"{self._op}: loss must hold a loss for one output at least. Received: none.")
        if self._weights is not None:
            self._factors = self._for_outputs("loss_weights", self._weights, y_pred, output_names)
        else:
            self._factors = [None] * len(names)
        self._by_output = matched
        labelled = [(name or loss.name, loss) for name, loss in zip(names, matched, strict=True) if loss is not None]
        if len(labelled) > 1:
            self.metrics = [Mean(name=f"{name}_loss") for name, _ in labelled]

    def _for_outputs(self, what: str, given: Any, y_pred: Any, output_names: Sequence[str]) -> list[Any]:
        return per_output(self._op, what, given, y_pred, output_names)

    def _labels(self, y: Any, y_pred: Any, output_names: Sequence[str]) -> list[tuple[int, Any]]:
        """The numbers of the outputs that have losses, and their labels."""
        needed = [index for index, loss in enumerate(self._by_output or []) if loss is not None]
        if y is None:
            raise ValueError(f"{self._op}: labels are needed for the loss. Received: y=None.")
        given = tree.flatten(y)
        if len(given) == len(needed) and not isinstance(y, dict):  # labels for those outputs alone
            return list(zip(needed, given, strict=True))
        labels = self._for_outputs("y", y, y_pred, output_names)
        if missing := [index for index in needed if labels[index] is None]:
            raise ValueError(f"{self._op}: y must have labels for each loss. Received: none for output {missing[0]}.")
        return [(index, labels[index]) for index in needed]

    def _sample_weights(self, sample_weight: Any, y_pred: Any, output_names: Sequence[str]) -> list[Any]:
        if isinstance(sample_weight, dict | list | tuple):
            return self._for_outputs("sample_weight", sample_weight, y_pred, output_names)
        return [sample_weight] * len(tree.flatten(y_pred))


def _weight(op: str, weight: Any) -> float | None:
    return None if weight is None else real_number(op, "loss_weights", weight, -np.inf, np.inf)
