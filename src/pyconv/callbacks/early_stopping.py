"""EarlyStopping: no more epochs when they don't help."""

from __future__ import annotations

from typing import Any

from pyconv.callbacks.callback import Logs
from pyconv.callbacks.monitor_callback import MonitorCallback
from pyconv.ops.geometry import integer


class EarlyStopping(MonitorCallback):
    """Ends the training when a number hasn't become better for some epochs.

    Args:
        monitor: the number's name in the logs.
        min_delta: how much better is better.
        patience: after how many epochs without anything better the training ends.
        verbose: 1 to print when it does.
        mode: "min", "max" or "auto", see `MonitorCallback`.
        baseline: a number that must be passed, too, for an epoch to count as better.
        restore_best_weights: whether the model gets the best epoch's weights when the training ends, this way or not.
        start_from_epoch: the epochs that are waited for before anything is watched.

    Raises:
        ValueError: if an argument is out of its range.

    Example:
    >>> import numpy as np
    >>> from pyconv import Sequential, callbacks, layers
    >>> model = Sequential([layers.Dense(1, kernel_initializer="zeros", input_dim=2)])
    >>> model.compile("sgd", "mse")
    >>> patient = callbacks.EarlyStopping("loss", patience=2)
    >>> history = model.fit(np.zeros((4, 2)), np.zeros((4, 1)), epochs=9, callbacks=[patient], verbose=0)
    >>> len(history.epoch)  # nothing can be learnt from zeros
    3
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = integer("EarlyStopping", "patience", patience, minimum=0)
        self.start_from_epoch = integer("EarlyStopping", "start_from_epoch", start_from_epoch, minimum=0)
        self.verbose, self.baseline, self.restore_best_weights = verbose, baseline, restore_best_weights
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = self.current(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.is_better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.is_better(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.verbose and self.stopped_epoch:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)
