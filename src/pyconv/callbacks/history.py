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
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
