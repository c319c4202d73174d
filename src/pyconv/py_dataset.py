"""PyDataset: the base for data of one's own that `fit` takes batch by batch. Reads nothing itself."""

from __future__ import annotations

from typing import Any


class PyDataset:
    """Batches by their numbers: a subclass defines `__getitem__` and `__len__`, or `num_batches`.

    Args:
        workers: taken for programs written for Keras; batches are made in the thread that asks, one after another.
        use_multiprocessing: likewise.
        max_queue_size: likewise.

    Example:
    >>> import numpy as np
    >>> from pyconv.utils import PyDataset
    >>> class Halves(PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, index):
    ...         return np.full((4, 3), index), np.zeros(4)
    >>> Halves().num_batches
    2
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """Batch 0, 1, ...: x, (x, y) or (x, y, sample_weight)."""
        raise NotImplementedError(f"{type(self).__name__}: a dataset must define __getitem__(self, index).")

    @property
    def num_batches(self) -> int | None:
        """The number of batches, by default `len(self)`; None for a dataset without end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(f"{type(self).__name__}: a dataset must define __len__ or num_batches.")

    def on_epoch_begin(self) -> None:
        """Is called before an epoch's first batch."""

    def on_epoch_end(self) -> None:
        """Is called after an epoch's last batch."""


Sequence = PyDataset  # its name in Keras 2
