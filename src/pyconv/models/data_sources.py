"""Where `fit`, `evaluate` and `predict` get batches from: arrays, datasets by number, anything to iterate over.

Every source gives batches (x, y, sample_weight) of arrays, y and sample_weight None where there are none.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any

import numpy as np

from pyconv import random
from pyconv.models import class_weights
from pyconv.models.batches import as_data, batches, count, take
from pyconv.ops.geometry import integer

Batch = tuple[Any, Any, Any]

_BATCH_SIZE = 32  # Keras' default
_END = object()


class Source:
    """Batches, as many epochs of them as are asked for.

    Attributes:
        steps: the number of batches in an epoch, None if that isn't known.
        repeats: whether every `epoch` begins anew; a generator goes on instead, and ends for good.
    """

    steps: int | None = None
    repeats = True

    def epoch(self) -> Iterator[Batch]:
        """The batches of an epoch."""
        raise NotImplementedError


class ArraySource(Source):
    """Batches cut from arrays; of a memory-mapped file only the samples of a batch are read at a time."""

    def __init__(self, data: Batch, batch_size: int, shuffle: bool | str) -> None:
        self._data, self._batch_size, self._shuffle = data, batch_size, shuffle
        self.count = count(data[0])
        self.steps = max(1, -(-self.count // batch_size))

    def first(self) -> Any:
        """The first sample's x, with the batch axis."""
        return take(self._data[0], slice(0, 1))

    def epoch(self) -> Iterator[Batch]:
        generator, order = random.generator(), None
        if self._shuffle is True:
            order = generator.permutation(self.count)
        for batch in batches(self.count, self._batch_size):
            index: Any = batch
            if order is not None:
                index = order[batch]
            elif self._shuffle == "batch":
                index = batch.start + generator.permutation(batch.stop - batch.start)
            yield take(self._data, index)


class DatasetSource(Source):
    """Batches of a `PyDataset`, or of whatever has a length and gives batches by their numbers."""

    def __init__(self, op: str, dataset: Any, shuffle: bool) -> None:
        self._op, self._dataset, self._shuffle = op, dataset, shuffle
        self.steps = dataset.num_batches if hasattr(dataset, "num_batches") else len(dataset)

    def epoch(self) -> Iterator[Batch]:
        self._tell("on_epoch_begin")
        numbers: Iterable[int] = itertools.count() if self.steps is None else range(self.steps)
        if self._shuffle and self.steps is not None:
            numbers = random.generator().permutation(self.steps).tolist()
        for number in numbers:
            yield as_batch(self._op, self._dataset[number])
        self._tell("on_epoch_end")

    def _tell(self, hook: str) -> None:
        getattr(self._dataset, hook, lambda: None)()


class IterableSource(Source):
    """Batches of an iterable, begun anew for each epoch, or of an iterator or generator, which goes on."""

    def __init__(self, op: str, batches: Iterable[Any]) -> None:
        self._op, self._batches = op, batches
        self.steps = len(batches) if isinstance(batches, Sized) else None
        self.repeats = not hasattr(batches, "__next__")

    def epoch(self) -> Iterator[Batch]:
        return (as_batch(self._op, batch) for batch in self._batches)


class Feed:
    """A source cut into epochs of `steps` batches; without steps an epoch is what the source has.

    Args:
        source: the source.
        steps: the batches of an epoch; the next epoch goes on where this one ended.
        class_weight: weights of classes, see `class_weights.sample_weights`.
        op: who asks, for errors.
    """

    def __init__(
        self, op: str, source: Source, steps: int | None = None, class_weight: Mapping[int, float] | None = None
    ) -> None:
        self._op, self._source, self._class_weight = op, source, class_weight
        self._wanted = None if steps is None else integer(op, "steps", steps)
        self._running: Iterator[Batch] | None = None

    @property
    def steps(self) -> int | None:
        """The number of batches in an epoch, None if that isn't known."""
        return self._source.steps if self._wanted is None else self._wanted

    def restart(self) -> None:
        """Makes the next epoch begin with the source's first batch, if the source can begin anew."""
        if self._source.repeats:
            self._running = None

    def epoch(self) -> Iterator[Batch]:
        """The batches of the next epoch; fewer than wanted, with a warning, if the source has no more."""
        if self._running is None or (self._wanted is None and self._source.repeats):
            self._running = self._source.epoch()
        taken = 0
        while self._wanted is None or taken < self._wanted:
            batch: Any = next(self._running, _END)
            if batch is _END and taken == 0 and self._wanted is not None and self._source.repeats:
                self._running = self._source.epoch()  # the last epoch ended where the source did
                batch = next(self._running, _END)
            if batch is _END:
                break
            taken += 1
            yield self._weighted(batch)
        if (self._wanted is not None and taken < self._wanted) or taken == 0:
            warnings.warn(
                f"{self._op}: the data ran out after {taken} batches of an epoch"
                f"{'' if self._wanted is None else f' of {self._wanted}'}.",
                stacklevel=3,
            )
            self.restart()

    def _weighted(self, batch: Batch) -> Batch:
        if self._class_weight is None:
            return batch
        x, y, sample_weight = batch
        if sample_weight is not None:
            raise ValueError(f"{self._op}: give sample_weight or class_weight, not both.")
        return x, y, class_weights.sample_weights(self._op, y, self._class_weight)


def source_of(
    op: str,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    shuffle: bool | str = False,
    prefix: str = "",
    *,
    steps: int | None = None,
) -> Source:
    """The source that the arguments of `fit` and its like describe.

    Raises:
        TypeError: if arrays don't hold numbers.
        ValueError: if arrays aren't equally long, or labels are given beside a dataset.
    """
    if shuffle not in (True, False, "batch"):
        raise ValueError(f'{op}: shuffle must be True, False or "batch". Received: shuffle={shuffle!r}.')
    size = None if batch_size is None else integer(op, "batch_size", batch_size)
    if are_arrays(x):
        data = as_data(op, x, y, sample_weight, prefix)
        if size is None and steps:
            size = max(1, -(-count(data[0]) // integer(op, "steps", steps)))
        return ArraySource(data, size or _BATCH_SIZE, shuffle)
    if y is not None or sample_weight is not None:
        raise ValueError(
            f"{op}: a dataset or generator brings {prefix}y and {prefix}sample_weight in its batches. "
            f"Received: {prefix}y or {prefix}sample_weight beside {prefix}x={type(x).__name__}."
        )
    if hasattr(x, "__getitem__") and (hasattr(x, "__len__") or hasattr(x, "num_batches")):
        return DatasetSource(op, x, bool(shuffle))
    return IterableSource(op, x)


def are_arrays(x: Any) -> bool:
    """Whether x is an array, or lists and dictionaries of arrays, and not something that gives batches."""
    if isinstance(x, np.ndarray | list | tuple | dict | str | bytes | range) or hasattr(x, "__array__"):
        return True
    return not (hasattr(x, "__iter__") or hasattr(x, "__next__") or hasattr(x, "__getitem__"))


def as_batch(op: str, batch: Any) -> Batch:
    """A batch of a dataset, x or (x, y) or (x, y, sample_weight), as three.

    Raises:
        TypeError: if its arrays don't hold numbers.
        ValueError: if there are more, or the arrays aren't equally long.
    """
    if not isinstance(batch, tuple | list):
        return as_data(op, batch)
    if not 1 <= len(batch) <= 3:
        raise ValueError(f"{op}: a batch must be x, (x, y) or (x, y, sample_weight). Received: {len(batch)} parts.")
    return as_data(op, *batch)
