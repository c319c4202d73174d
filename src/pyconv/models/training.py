"""fit, for anything with a call and weights. Knows nothing of a model's structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyconv.callbacks import CallbackList, History
from pyconv.callbacks.callback import as_list
from pyconv.models.batches import as_data, count, split_off_end, take
from pyconv.models.data_sources import ArraySource, Batch, Feed, Source, are_arrays, source_of
from pyconv.models.evaluation import Evaluation, require_samples
from pyconv.models.progress import Progress
from pyconv.ops.geometry import integer


class Trainer(Evaluation):
    """A layer that can be trained and asked: what all models share."""

    def __init__(self, *, name: str | None = None, trainable: bool = True, **kwargs: Any) -> None:
        super().__init__(name=name, trainable=trainable, **kwargs)
        self.stop_training = False
        self.history: History | None = None
        self._initial_epoch = 0  # where a callback that restores a run makes `fit` begin

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | list[int] = 1,
    ) -> History:
        """Trains the model on samples and labels.

        With the same seed, see `pyconv.seed`, the same data give the same weights, bit for bit, whatever the
        number of threads.

        An exception, Ctrl-C's KeyboardInterrupt too, reaches the caller. The model stays as the last step left it and
        can go on being trained; `model.history` has the epochs that were completed. `on_train_end` isn't called then.

        Args:
            x: samples (N, ...); a list or dictionary of arrays for a model with several inputs. Of a `np.memmap` only
                a batch is read at a time. Or batches (x, y) or (x, y, sample_weight): from a `pyconv.utils.PyDataset`
                or anything else with a length and batches by their numbers, an iterable, or a generator, which goes
                on from one epoch to the next.
            y: labels (N, ...), as the loss wants them; a list or dictionary for several outputs.
            batch_size: samples a step, 32 by default; batches that come from elsewhere have their own.
            epochs: the number of the epoch to stop after.
            verbose: 1 or "auto" for a progress bar an epoch, 2 for a line an epoch, 0 for silence.
            callbacks: told what happens, see `pyconv.callbacks.Callback`.
            validation_split: the last part of the samples, 0 to 1, before shuffling, is kept for validation.
            validation_data: what validates instead of a split: (x, y), (x, y, sample_weight), or batches.
            shuffle: whether every epoch sees the samples in a new order; the batches, if they come from a PyDataset;
                "batch" for a new order within each batch only. Iterables and generators are taken as they come.
            class_weight: a factor by class number for the loss of its samples; 1 where there is none.
            sample_weight: a factor for each sample's loss, (N,) or of the leading sizes of y; with several outputs one
                for all, or a list or dictionary.
            initial_epoch: the number of epochs done before.
            steps_per_epoch: batches an epoch, if not all; the next epoch goes on behind them.
            validation_steps: batches of a validation, if not all.
            validation_batch_size: samples a step of the validation, batch_size by default.
            validation_freq: after how many epochs each validation takes place, or a list of epochs, from 1.

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
        epochs = integer(op, "epochs", epochs)
        initial_epoch = integer(op, "initial_epoch", initial_epoch, minimum=0)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = _split(op, (x, y, sample_weight), validation_split)
        source = source_of(op, x, y, sample_weight, batch_size, shuffle, steps=steps_per_epoch)
        require_samples(op, source, x)
        feed = Feed(op, source, steps_per_epoch, class_weight)
        validation = None
        if validation_data is not None:
            validation = _validation(op, validation_data, validation_batch_size or batch_size, validation_steps)
        due = _due(op, validation_freq)

        self.stop_training = False
        self._initial_epoch = initial_epoch
        logs: dict[str, Any] = {}
        with Progress(op, verbose) as progress:
            params: dict[str, Any] = {"epochs": epochs, "steps": feed.steps, "verbose": verbose}
            listeners = CallbackList([*as_list(op, callbacks), progress], add_history=True, model=self, **params)
            assert self.history is not None
            self._prepare_for(source)
            listeners.on_train_begin({})
            for epoch in range(self._initial_epoch, epochs):
                self.reset_metrics()
                listeners.on_epoch_begin(epoch, {})
                logs = self._epoch(feed, listeners, progress)
                if not logs:
                    break  # the data have run out
                if validation is not None and due(epoch + 1):
                    validation.restart()
                    found = self._evaluate(validation, listeners, progress)
                    logs |= {f"val_{name}": value for name, value in found.items()}
                listeners.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
            if self.optimizer is not None:
                self.optimizer.finalize_variable_values(self.trainable_weights)
            listeners.on_train_end(logs)
        return self.history

    def _prepare_for(self, source: Source) -> None:
        """Makes weights and state before callbacks may restore them, if no data are lost by a look at them."""
        if isinstance(source, ArraySource):
            self._prepare(source.first())
        elif self._is_all_built():
            self._prepare_optimizer()

    def _epoch(self, feed: Feed, listeners: CallbackList, progress: Progress) -> dict[str, Any]:
        """Trains on an epoch's batches; returns the logs of the last one, empty if there was none."""
        logs: dict[str, Any] = {}
        for step, data in enumerate(feed.epoch()):
            listeners.on_train_batch_begin(step, {})
            if step == 0:
                self._prepare(data[0])
            logs = dict(self.train_step(data))
            progress.samples += count(data[0])
            listeners.on_train_batch_end(step, logs)
            if self.stop_training:
                break
        return logs


def _split(op: str, data: Batch, validation_split: float) -> tuple[Batch, Batch]:
    """The first part of the data and the last, which validates."""
    if not are_arrays(data[0]):
        raise ValueError(f"{op}: validation_split is for arrays. Received: x={type(data[0]).__name__}.")
    data = as_data(op, *data)
    samples = count(data[0])
    end = split_off_end(op, samples, validation_split)
    return take(data, slice(0, end)), take(data, slice(end, samples))


def _validation(op: str, data: Any, batch_size: int | None, steps: int | None) -> Feed:
    """The batches of a validation."""
    if not are_arrays(data):
        return Feed(op, source_of(op, data, prefix="validation "), steps)
    if not isinstance(data, tuple | list) or not 1 <= len(data) <= 3:
        raise ValueError(
            f"{op}: validation_data must be (x, y), (x, y, sample_weight) or batches. Received: {type(data).__name__}."
        )
    x, y, sample_weight = (*data, None, None)[:3]
    source = source_of(op, x, y, sample_weight, batch_size, prefix="validation ", steps=steps)
    require_samples(op, source, x)
    return Feed(op, source, steps)


def _due(op: str, validation_freq: Any) -> Callable[[int], bool]:
    """Whether there is a validation after an epoch, counted from 1."""
    if isinstance(validation_freq, list | tuple | set):
        epochs = {integer(op, "validation_freq", epoch) for epoch in validation_freq}
        return lambda epoch: epoch in epochs
    frequency = integer(op, "validation_freq", validation_freq)
    return lambda epoch: epoch % frequency == 0
