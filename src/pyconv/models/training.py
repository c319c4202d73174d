"""compile, fit, evaluate and predict, for anything with a call and weights. Knows nothing of a model's structure."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from pyconv import losses, ops, optimizers, random, tree
from pyconv.callbacks import Callback, CallbackList, History
from pyconv.gradient import Array, Tape
from pyconv.layers.layer import Layer
from pyconv.metrics import Mean, Metric
from pyconv.metrics import get as get_metric
from pyconv.models.batches import as_pair, as_samples, batches, count, split_off_end, take
from pyconv.models.progress import Progress
from pyconv.operators import traced, value_of
from pyconv.ops.geometry import integer

_BATCH_SIZE = 32  # Keras' default


class Trainer(Layer):
    """A layer that can be trained and asked: what all models share."""

    _has_layers = True

    def __init__(self, *, name: str | None = None, trainable: bool = True, **kwargs: Any) -> None:
        super().__init__(name=name, trainable=trainable, **kwargs)
        self.stop_training = False
        self.optimizer: optimizers.Optimizer | None = None
        self.loss: Callable[..., Array] | None = None
        self.metrics: list[Metric] = []
        self.history: History | None = None
        self._loss_mean = Mean("loss")

    def compile(
        self,
        optimizer: str | optimizers.Optimizer = "rmsprop",
        loss: str | Callable[..., Array] | None = None,
        *,
        metrics: str | Metric | Sequence[Any] | None = None,
    ) -> None:
        """Says how the model is to be trained.

        Args:
            optimizer: what changes the weights, an optimizer or its name.
            loss: what becomes small, a loss or its name.
            metrics: what else is reported, metrics or their names; "accuracy" is the one that fits the labels.

        Raises:
            TypeError: if an argument is of a wrong type.
            ValueError: if a name is unknown.
        """
        self.optimizer = optimizers.get(optimizer)
        self.loss = None if loss is None else losses.get(loss)
        listed = list(metrics) if isinstance(metrics, list | tuple) else [] if metrics is None else [metrics]
        self.metrics = [get_metric(metric) for metric in listed]

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Callback | Iterable[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, Any] | None = None,
        shuffle: bool = True,
        *,
        initial_epoch: int = 0,
    ) -> History:
        """Trains the model on samples and labels.

        With the same seed, see `pyconv.seed`, the same data give the same weights, bit for bit, whatever the
        number of threads.

        Args:
            x: samples (N, ...); a list or dictionary of arrays for a model with several inputs.
            y: labels (N, ...), as the loss wants them.
            batch_size: samples a step, 32 by default.
            epochs: the number of the epoch to stop after.
            verbose: 1 or "auto" for a progress bar an epoch, 2 for a line an epoch, 0 for silence.
            callbacks: told what happens, see `pyconv.callbacks.Callback`.
            validation_split: the last part of the samples, 0 to 1, is kept for validation.
            validation_data: samples and labels for validation, (x, y), instead of a split.
            shuffle: whether every epoch sees the samples in a new order.
            initial_epoch: the number of epochs done before.

        Returns:
            A `History`: its `history` holds the loss and metrics of each epoch as means over samples, those of
            the validation with "val_" before the name.

        Raises:
            TypeError: if x or y isn't numbers.
            ValueError: if the model hasn't been compiled, or an argument doesn't fit the others.

        Example:
        >>> import numpy as np
        >>> from pyconv import Sequential, layers
        >>> model = Sequential([layers.Dense(3, activation="softmax", input_dim=2)])
        >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        >>> x, y = np.zeros((8, 2)), np.zeros(8)
        >>> history = model.fit(x, y, epochs=2, validation_split=0.25, verbose=0)
        >>> list(history.history)
        ['loss', 'accuracy', 'val_loss', 'val_accuracy']
        """
        op = self._compiled("fit")
        x, y, validation = _training_data(op, x, y, validation_split, validation_data)
        batch_size = _BATCH_SIZE if batch_size is None else integer(op, "batch_size", batch_size)
        epochs = integer(op, "epochs", epochs)
        initial_epoch = integer(op, "initial_epoch", initial_epoch, minimum=0)
        steps = -(-count(x) // batch_size)

        history = self.history = History()
        listed = [callbacks] if isinstance(callbacks, Callback) else list(callbacks or ())
        listeners = CallbackList([*listed, history], self, {"epochs": epochs, "steps": steps, "verbose": verbose})
        self.stop_training = False
        logs: dict[str, float] = {}
        listeners.call("on_train_begin", {})
        for epoch in range(initial_epoch, epochs):
            listeners.call("on_epoch_begin", epoch, {})
            self._reset()
            order = random.generator().permutation(count(x)) if shuffle else np.arange(count(x))
            with Progress(op, f"Epoch {epoch + 1}/{epochs}", steps, verbose) as progress:
                for step, batch in enumerate(batches(count(x), batch_size)):
                    listeners.call("on_train_batch_begin", step, {})
                    self._train_step(take(x, order[batch]), take(y, order[batch]))
                    logs = self._logs()
                    listeners.call("on_train_batch_end", step, logs)
                    progress.step(logs)
                    if self.stop_training:
                        break
                if validation is not None:
                    found = self._evaluate(*validation, batch_size, listeners)
                    logs = logs | {f"val_{name}": value for name, value in found.items()}
                progress.finish(logs)
            listeners.call("on_epoch_end", epoch, logs)
            if self.stop_training:
                break
        listeners.call("on_train_end", logs)
        return history

    def evaluate(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        *,
        return_dict: bool = False,
    ) -> float | list[float] | dict[str, float]:
        """The loss and metrics on samples and labels, as means over samples.

        Args:
            x: samples (N, ...); a list or dictionary of arrays for a model with several inputs.
            y: labels (N, ...), as the loss wants them.
            batch_size: samples a step, 32 by default.
            verbose: 1 or "auto" for a progress bar, 2 for a line, 0 for silence.
            return_dict: whether the result is a dictionary.

        Returns:
            The loss; with metrics a list, the loss first; with return_dict a dictionary.

        Raises:
            TypeError: if x or y isn't numbers.
            ValueError: if the model hasn't been compiled, or there are no samples or not as many labels.
        """
        op = self._compiled("evaluate")
        x, y = as_pair(op, x, y)
        batch_size = _BATCH_SIZE if batch_size is None else integer(op, "batch_size", batch_size)
        with Progress(op, "Evaluate", -(-count(x) // batch_size), verbose) as progress:
            logs = self._evaluate(x, y, batch_size, CallbackList([progress], self, {}))
            progress.finish(logs)
        return _as_asked(logs, return_dict)

    def predict(self, x: Any, batch_size: int | None = None, verbose: str | int = "auto") -> Any:
        """The model's results for samples, batch by batch.

        Args:
            x: samples (N, ...); none of them, N = 0, give an empty result of the right shape.
            batch_size: samples a step, 32 by default.
            verbose: 1 for a progress bar that disappears when it is full, 2 for a line, 0 for silence; "auto" for
                a bar if there is more than one batch.

        Returns:
            An array (N, ...), or as many as the model has outputs, in its structure.
        """
        op = f"{self._op}.predict"
        x = as_samples(op, "x", x)
        batch_size = _BATCH_SIZE if batch_size is None else integer(op, "batch_size", batch_size)
        steps = max(1, -(-count(x) // batch_size))
        if verbose == "auto" and steps == 1:
            verbose = 0
        results: list[Array] = []
        with Progress(op, "Predict", steps, verbose, keep=False) as progress:
            for batch in batches(count(x), batch_size):
                y = self.predict_on_batch(take(x, batch))
                parts = tree.flatten(y)
                if batch.start == 0:
                    results = [np.empty((count(x), *part.shape[1:]), part.dtype) for part in parts]
                for result, part in zip(results, parts, strict=True):
                    result[batch] = part
                progress.step({})
            progress.finish({})
        return tree.pack_sequence_as(y, results)

    def train_on_batch(self, x: Any, y: Any, *, return_dict: bool = False) -> float | list[float] | dict[str, float]:
        """Takes one step and returns this batch's loss and metrics, as `evaluate` does."""
        samples, labels = as_pair(self._compiled("train_on_batch"), x, y)
        self._reset()
        self._train_step(samples, labels)
        return _as_asked(self._logs(), return_dict)

    def test_on_batch(self, x: Any, y: Any, *, return_dict: bool = False) -> float | list[float] | dict[str, float]:
        """This batch's loss and metrics, as `evaluate` returns them."""
        samples, labels = as_pair(self._compiled("test_on_batch"), x, y)
        self._reset()
        self._test_step(samples, labels)
        return _as_asked(self._logs(), return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The model's results for one batch."""
        return self(x, training=False)

    def _cast(self, x: Array) -> Array:
        return x  # the layers inside convert to their own dtypes

    def _compiled(self, method: str) -> str:
        """The method's name for errors, once it is sure that there is a loss to work with."""
        op = f"{self._op}.{method}"
        if self.optimizer is None or self.loss is None:
            raise ValueError(f"{op}: call compile with a loss first. Received: loss={self.loss}.")
        return op

    def _train_step(self, x: Any, y: Any) -> None:
        assert self.optimizer is not None
        if not self._is_all_built():  # all weights must be there to be watched
            self(take(x, slice(0, 1)), training=False)
        weights = self.trainable_weights
        with Tape(weight.value for weight in weights) as tape:
            y_pred = self(x, training=True)
            loss = self._loss(y, y_pred)
        self._note(loss, y, y_pred)
        self.optimizer.apply(tape.gradient(loss), weights)

    def _test_step(self, x: Any, y: Any) -> None:
        y_pred = self(x, training=False)
        self._note(self._loss(y, y_pred), y, y_pred)

    def _evaluate(self, x: Any, y: Any, batch_size: int, listeners: CallbackList) -> dict[str, float]:
        self._reset()
        listeners.call("on_test_begin", {})
        for step, batch in enumerate(batches(count(x), batch_size)):
            listeners.call("on_test_batch_begin", step, {})
            self._test_step(take(x, batch), take(y, batch))
            listeners.call("on_test_batch_end", step, self._logs())
        listeners.call("on_test_end", self._logs())
        return self._logs()

    def _loss(self, y: Any, y_pred: Any) -> Array:
        assert self.loss is not None
        labels, predictions = tree.flatten(y), tree.flatten(y_pred)
        if len(labels) != len(predictions):
            raise ValueError(
                f"{self._op}: y must hold an array for each of the model's outputs. "
                f"Received: {len(labels)} arrays for {len(predictions)} outputs."
            )
        # Losses of one's own may use Python's operators. Several outputs' losses are added up.
        found = [value_of(self.loss(a, traced(b))) for a, b in zip(labels, predictions, strict=True)]
        loss: Array = functools.reduce(ops.add, found)
        if np.ndim(loss) != 0:
            raise ValueError(
                f"{self._op}: the loss must be one number for a batch, so its reduction can't be None. "
                f"Received: a loss of shape {np.shape(loss)}."
            )
        for penalty in self.losses:
            loss = ops.add(loss, penalty)
        return loss

    def _note(self, loss: Array, y: Any, y_pred: Any) -> None:
        # Weighted by samples, for the last batch may be smaller than the others.
        self._loss_mean.update_state(loss, sample_weight=count(y))
        if self.metrics and len(tree.flatten(y_pred)) > 1:
            raise ValueError(f"{self._op}: metrics of a model with several outputs are not supported yet.")
        for metric in self.metrics:
            metric.update_state(y, y_pred)

    def _reset(self) -> None:
        self._loss_mean.reset_state()
        for metric in self.metrics:
            metric.reset_state()

    def _logs(self) -> dict[str, float]:
        return {"loss": self._loss_mean.result(), **{metric.name: metric.result() for metric in self.metrics}}


def _training_data(
    op: str, x: Any, y: Any, validation_split: float, validation_data: Any
) -> tuple[Any, Any, tuple[Any, Any] | None]:
    x, y = as_pair(op, x, y)
    if validation_data is not None:
        if not isinstance(validation_data, tuple | list) or len(validation_data) != 2:
            raise ValueError(f"{op}: validation_data must be (x, y). Received: {type(validation_data).__name__}.")
        x_val, y_val = validation_data
        return x, y, as_pair(op, x_val, y_val, prefix="validation ")
    samples = count(x)
    end = split_off_end(op, samples, validation_split)
    first, last = slice(0, end), slice(end, samples)
    return take(x, first), take(y, first), None if end == samples else (take(x, last), take(y, last))


def _as_asked(logs: dict[str, float], return_dict: bool) -> float | list[float] | dict[str, float]:
    if return_dict:
        return logs
    return list(logs.values()) if len(logs) > 1 else logs["loss"]
