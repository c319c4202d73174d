"""ModelCheckpoint: the model, or its weights, in a file after each epoch or number of batches."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

from pyconv.callbacks.callback import Logs
from pyconv.callbacks.monitor_callback import MonitorCallback
from pyconv.ops.geometry import integer


class ModelCheckpoint(MonitorCallback):
    """Calls `model.save`, or `model.save_weights`, as the training goes along.

    Args:
        filepath: the file: ".keras" or ".h5" for the model, ".weights.h5" for its weights. It may name the epoch, from
            1, the batch and logs: "{epoch:02d}-{val_loss:.2f}.keras".
        monitor: the number that says what is best.
        verbose: 1 to print when it saves.
        save_best_only: whether only what is better than all before is saved.
        save_weights_only: whether the weights are saved without the model.
        mode: "min", "max" or "auto", see `MonitorCallback`.
        save_freq: "epoch", or after how many batches it saves.
        initial_value_threshold: what the first must be better than.

    Raises:
        ValueError: if filepath doesn't end as it should, or an argument is out of its range.
        KeyError: later, if filepath names a log that isn't there.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        endings = (".weights.h5",) if save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(endings):
            raise ValueError(
                f"ModelCheckpoint: filepath must end in {' or '.join(endings)} with {save_weights_only=}. "
                f"Received: filepath={self.filepath!r}."
            )
        self.save_freq = save_freq if save_freq == "epoch" else integer("ModelCheckpoint", "save_freq", save_freq)
        self.verbose, self.save_best_only, self.save_weights_only = verbose, save_best_only, save_weights_only
        self.best = initial_value_threshold
        self._epoch = self._batches = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        if self.save_freq != "epoch" and self._batches % int(self.save_freq) == 0:
            self._save({"batch": batch + 1}, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save({}, logs or {})

    def _save(self, place: dict[str, Any], logs: Logs) -> None:
        if self.save_best_only and not self._is_best(logs):
            return
        path = self.filepath.format(**{**logs, **place, "epoch": self._epoch + 1})
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        if self.verbose:
            print(f"Epoch {self._epoch + 1}: the model is saved in {path}.")

    def _is_best(self, logs: Logs) -> bool:
        value = logs.get(self.monitor)
        if value is None:
            warnings.warn(f"ModelCheckpoint: can save the best only with {self.monitor!r} in the logs.", stacklevel=2)
            return True
        if not self.is_better(float(value), self.best):
            return False
        self.best = float(value)
        return True
