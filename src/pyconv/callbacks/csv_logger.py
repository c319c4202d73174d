"""CSVLogger: the logs of each epoch as a line of a file."""

from __future__ import annotations

import csv
import os
from pathlib import Path

from pyconv.callbacks.callback import Callback, Logs


class CSVLogger(Callback):
    """Writes the epoch's number and logs into a file, which is complete after every epoch.

    Args:
        filename: the file.
        separator: what stands between the numbers.
        append: whether lines are added to a file that is there; otherwise it is written anew.
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        self.filename, self.sep, self.append = Path(filename), separator, append

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._names: list[str] = []
        if not self.append:
            self.filename.write_text("", encoding="utf-8")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        if not self._names:
            self._names = sorted(logs)
            if not any(name.startswith("val_") for name in self._names):  # epochs with a validation may follow
                self._names += [f"val_{name}" for name in self._names]
        # Opened for each line, so that nothing is left open when the training is interrupted.
        with self.filename.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=self.sep)
            if file.tell() == 0:
                writer.writerow(["epoch", *self._names])
            writer.writerow([epoch, *(logs.get(name, "NA") for name in self._names)])
