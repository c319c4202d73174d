"""One batch: a training step, a test step, a prediction. All that a model of one's own may override is here."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any

from pyconv import ops, tree
from pyconv.gradient import Array, Tape
from pyconv.models import class_weights
from pyconv.models.batches import count, take
from pyconv.models.compiling import Compiled
from pyconv.models.data_sources import Batch, as_batch
from pyconv.operators import code, traced, value_of


class Steps(Compiled):
    """A compiled layer that can take steps.

    `fit` calls `train_step`, `evaluate` calls `test_step`, `predict` calls `predict_step`; the first two call
    `compute_loss` and `compute_metrics`. Any of them may be overridden as in Keras.
    """

    def train_step(self, data: Batch) -> Mapping[str, Any]:
        """Takes one step of training and returns the logs.

        An override of one's own records with a `pyconv.gradient.Tape` and calls `self.optimizer.apply`; what it
        returns is what callbacks and History see.

        Args:
            data: (x, y, sample_weight), the latter two None where there are none.

        Raises:
            ValueError: if there is no loss.
        """
        x, y, sample_weight = data
        weights = self.trainable_weights
        optimizer = self.optimizer
        assert optimizer is not None
        with Tape(weight.value for weight in weights) as tape:
            y_pred = self(x, training=True)
            loss = self._loss_of(x, y, y_pred, sample_weight, training=True)
            scaled = loss if optimizer.loss_scale_factor is None else ops.multiply(loss, optimizer.loss_scale_factor)
        self._loss_tracker.update_state(loss, sample_weight=count(x))
        if weights:
            optimizer.apply(tape.gradient(scaled), weights)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data: Batch) -> Mapping[str, Any]:
        """Evaluates one batch, (x, y, sample_weight), and returns the logs."""
        x, y, sample_weight = data
        y_pred = self(x, training=False)
        loss = self._loss_of(x, y, y_pred, sample_weight, training=False)
        self._loss_tracker.update_state(loss, sample_weight=count(x))
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Batch) -> Any:
        """The model's results for one batch, (x, y, sample_weight)."""
        return self(data[0], training=False)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Array:
        """The number that is made small: the losses given to `compile` and those of `losses`, added up.

        Args:
            x: the samples.
            y: the labels.
            y_pred: the model's results.
            sample_weight: weights of the samples.
            training: whether a step is taken.

        Raises:
            ValueError: if there is no loss, or labels don't fit.
        """
        found = []
        y_pred = tree.map_structure(value_of, y_pred)  # an override of one's own has TracedArrays
        if self._compiled_loss is not None:
            found.append(self._compiled_loss(y, y_pred, sample_weight, self._output_names()))
        found += [ops.sum(loss) for loss in self.losses]
        if not found:
            raise ValueError(f"{self._op}: No loss to compute. Give compile a loss. Received: loss={self.loss}.")
        return functools.reduce(ops.add, found)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Tells the metrics of a batch and returns all results so far; arguments as in `compute_loss`."""
        self._compiled_metrics.update_state(y, y_pred, sample_weight, self._output_names())
        return self.get_metrics_result()

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Takes one step and returns this batch's loss and metrics, as `evaluate` does."""
        op = self._compiled("train_on_batch")
        data = self._batch(op, x, y, sample_weight, class_weight)
        self._prepare(data[0])
        self.reset_metrics()
        logs = self.train_step(data)
        return dict(logs) if return_dict else self._flat_logs(logs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """This batch's loss and metrics, as `evaluate` returns them."""
        op = self._compiled("test_on_batch")
        data = self._batch(op, x, y, sample_weight, None)
        self.reset_metrics()
        logs = self.test_step(data)
        return dict(logs) if return_dict else self._flat_logs(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """The model's results for one batch."""
        return self.predict_step((x, None, None))

    def _cast(self, x: Array) -> Array:
        return x  # the layers inside convert to their own dtypes

    def _compiled(self, method: str) -> str:
        """The method's name for errors, once it is sure that `compile` was called."""
        op = f"{self._op}.{method}"
        if not self.compiled:
            raise ValueError(f"{op}: call compile with a loss first. Received: loss={self.loss}.")
        return op

    def _batch(self, op: str, x: Any, y: Any, sample_weight: Any, class_weight: Mapping[int, float] | None) -> Batch:
        x, y, sample_weight = as_batch(op, (x, y, sample_weight))
        if count(x) == 0:
            raise ValueError(f"{op}: x must hold at least one sample. Received: {tree.map_structure(_shape, x)}.")
        if class_weight is None:
            return x, y, sample_weight
        if sample_weight is not None:
            raise ValueError(f"{op}: give sample_weight or class_weight, not both.")
        return x, y, class_weights.sample_weights(op, y, class_weight)

    def _prepare(self, x: Any) -> None:
        """Makes all weights and the optimizer's state, so that they can be watched, restored and saved."""
        if not self._is_all_built():
            self(take(x, slice(0, 1)), training=False)
        self._prepare_optimizer()

    def _prepare_optimizer(self) -> None:
        if self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_weights)

    def _loss_of(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, *, training: bool) -> Array:
        """`compute_loss`; an override of one's own may use Python's operators on y_pred."""
        if type(self).compute_loss is Steps.compute_loss:
            return self.compute_loss(x, y, y_pred, sample_weight, training)
        mode = {"training": training} if "training" in inspect.signature(self.compute_loss).parameters else {}
        with code.of(is_own=True):
            loss = self.compute_loss(x, y, tree.map_structure(traced, y_pred), sample_weight, **mode)
        value: Array = value_of(loss)
        return value


def _shape(x: Any) -> str:
    return f"shape {x.shape}"
