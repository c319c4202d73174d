"""evaluate and predict: a compiled model over many batches, without changing it."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyconv import tree
from pyconv.callbacks import CallbackList
from pyconv.callbacks.callback import as_list
from pyconv.models.batches import count
from pyconv.models.data_sources import ArraySource, Feed, Source, source_of
from pyconv.models.progress import Progress
from pyconv.models.steps import Steps
from pyconv.ops.arrays import checked_out


class Evaluation(Steps):
    """A layer that can be asked what it has learnt."""

    stop_evaluating = False  # a callback that sets one of them ends the run after its batch
    stop_predicting = False

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and metrics on samples and labels, as means over samples.

        Args:
            x: samples, or batches of them with their labels, as for `fit`.
            y: labels (N, ...), as the loss wants them.
            batch_size: samples a step, 32 by default.
            verbose: 1 or "auto" for a progress bar, 2 for a line, 0 for silence.
            sample_weight: weights of the samples, as for `fit`.
            steps: the number of batches; by default all there are.
            callbacks: told what happens, see `pyconv.callbacks.Callback`.
            return_dict: whether the result is a dictionary.

        Returns:
            The loss; with metrics a list in the order of `metrics_names`; with return_dict a dictionary.

        Raises:
            TypeError: if x or y isn't numbers.
            ValueError: if the model hasn't been compiled, or there are no samples or not as many labels.
        """
        op = self._compiled("evaluate")
        source = source_of(op, x, y, sample_weight, batch_size, steps=steps)
        require_samples(op, source, x)
        feed = Feed(op, source, steps)
        with Progress(op, verbose) as progress:
            params: dict[str, Any] = {"epochs": 1, "steps": feed.steps, "verbose": verbose}
            listeners = CallbackList([*as_list(op, callbacks), progress], model=self, **params)
            logs = self._evaluate(feed, listeners, progress)
        return logs if return_dict else self._flat_logs(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: Any = None,
        *,
        out: Any = None,
    ) -> Any:
        """The model's results for samples, batch by batch.

        Args:
            x: samples, or batches of them, as for `fit`; none of them, N = 0, give an empty result of the right shape.
            batch_size: samples a step, 32 by default.
            verbose: 1 for a progress bar that disappears when it is full, 2 for a line, 0 for silence; "auto" for
                a bar if there is more than one batch.
            steps: the number of batches; by default all there are.
            callbacks: told what happens, see `pyconv.callbacks.Callback`.
            out: arrays that the results are written to, in their structure: C-contiguous, of their shapes and dtypes,
                a memory-mapped file for one. For samples that are arrays, and without `steps`.

        Returns:
            An array (N, ...), or as many as the model has outputs, in its structure.

        Raises:
            TypeError: if x isn't numbers, or out isn't arrays.
            ValueError: if x gives no batch, or out doesn't fit.
        """
        op = f"{self._op}.predict"
        source = source_of(op, x, batch_size=batch_size, steps=steps)
        feed = Feed(op, source, steps)
        samples = source.count if isinstance(source, ArraySource) and steps is None else None
        if out is not None and samples is None:
            kind = type(x).__name__
            raise ValueError(f"{op}: out needs samples that are arrays, and no steps. Received: x={kind}, {steps=}.")
        results = _Results(op, samples, out, x)
        self.stop_predicting = False
        with Progress(op, 0 if verbose == "auto" and feed.steps == 1 else verbose) as progress:
            params: dict[str, Any] = {"epochs": 1, "steps": feed.steps, "verbose": verbose}
            listeners = CallbackList([*as_list(op, callbacks), progress], model=self, **params)
            listeners.on_predict_begin({})
            for step, data in enumerate(feed.epoch()):
                listeners.on_predict_batch_begin(step, {})
                y = self.predict_step(data)
                results.add(y)
                progress.samples += count(data[0])
                listeners.on_predict_batch_end(step, {"outputs": y})
                if self.stop_predicting:
                    break
            listeners.on_predict_end({})
        return results.get()

    def _evaluate(self, feed: Feed, listeners: CallbackList, progress: Progress) -> dict[str, Any]:
        """The logs of all batches of a feed; empty if it has run out."""
        self.stop_evaluating = False
        listeners.on_test_begin({})
        self.reset_metrics()
        logs: dict[str, Any] = {}
        for step, data in enumerate(feed.epoch()):
            listeners.on_test_batch_begin(step, {})
            logs = dict(self.test_step(data))
            progress.samples += count(data[0])
            listeners.on_test_batch_end(step, logs)
            if self.stop_evaluating:
                break
        listeners.on_test_end(logs)
        return logs


class _Results:
    """Predictions one after another in an array for each output, made at once where the number of samples is known.

    Args:
        op: who asks, for errors.
        samples: how many there will be; None if that isn't known.
        out: arrays to write to; None for new ones.
        x: the samples, which must lie elsewhere.
    """

    def __init__(self, op: str, samples: int | None, out: Any, x: Any) -> None:
        self._op, self._samples, self._done = op, samples, 0
        self._out, self._x = out, x
        self._parts: list[list[Any]] = []
        self._structure: Any = None

    def add(self, y: Any) -> None:
        """Takes the results of a batch."""
        flat = tree.flatten(y)
        if self._structure is None:
            self._structure, self._parts = y, [[] for _ in flat]
            if self._samples is not None:
                shapes = [(self._samples, *part.shape[1:]) for part in flat]
                self._parts = [[array] for array in self._arrays(shapes, [part.dtype for part in flat])]
        for parts, part in zip(self._parts, flat, strict=True):
            if self._samples is None:
                parts.append(part)
            else:
                parts[0][self._done : self._done + len(part)] = part
        self._done += len(flat[0])

    def _arrays(self, shapes: list[tuple[int, ...]], dtypes: list[Any]) -> list[Any]:
        """An array for each output: those that were given if they fit, or new ones."""
        if self._out is None:
            return [np.empty(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
        given = tree.flatten(self._out)
        if len(given) != len(shapes):
            raise ValueError(f"{self._op}: out must have an array for each of {len(shapes)} outputs, not {len(given)}.")
        samples = [x for x in tree.flatten(self._x) if isinstance(x, np.ndarray)]
        return [checked_out(self._op, *each, *samples) for each in zip(given, shapes, dtypes, strict=True)]

    def get(self) -> Any:
        """All results, those of batches that were never computed left out."""
        if self._structure is None:
            raise ValueError(f"{self._op}: x must give at least one batch. Received: none.")
        whole = [
            parts[0] if self._samples == self._done else np.concatenate(parts)[: self._done] for parts in self._parts
        ]
        if self._out is not None and self._samples == self._done:
            return self._out
        return tree.pack_sequence_as(self._structure, whole)


def require_samples(op: str, source: Source, x: Any) -> None:
    """Raises ValueError if the source is arrays without a sample."""
    if isinstance(source, ArraySource) and source.count == 0:
        shapes = tree.map_structure(np.shape, x)
        raise ValueError(f"{op}: x must hold at least one sample. Received: x.shape={shapes}.")
