"""History: what `fit` returns."""

from __future__ import annotations

from pyconv.callbacks.callback import Callback, Logs


class History(Callback):
    """Loss and metrics of each epoch.

    Attributes:
        history: a list for each of "loss", the metrics, and with validation data "val_loss" and so on.
        epoch: the numbers of the epochs, from 0.
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        before = {name: len(values) for name, values in self.history.items()}
        epochs = len(self.epoch)
        try:
            self.epoch.append(epoch)
            for name, value in (logs or {}).items():
                self.history.setdefault(name, []).append(value)
        except BaseException:  # an interrupt: all lists end with an epoch that all of them have
            del self.epoch[epochs:]
            for name in set(self.history) - set(before):
                del self.history[name]
            for name, count in before.items():
                del self.history[name][count:]
            raise
