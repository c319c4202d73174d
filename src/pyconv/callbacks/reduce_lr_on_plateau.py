"""ReduceLROnPlateau: smaller steps when the large ones don't help any more."""

from __future__ import annotations

import math

from pyconv.arguments import real_number
from pyconv.callbacks.callback import Logs
from pyconv.callbacks.monitor_callback import MonitorCallback
from pyconv.ops.geometry import integer


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by a factor when a number hasn't become better for some epochs.

    The logs get the epoch's "learning_rate".

    Args:
        monitor: the number's name in the logs.
        factor: the factor, less than 1.
        patience: after how many epochs without anything better.
        verbose: 1 to print when it happens.
        mode: "min", "max" or "auto", see `MonitorCallback`.
        min_delta: how much better is better.
        cooldown: how many epochs aren't counted after it has happened.
        min_lr: the smallest learning rate.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        op = type(self).__name__
        self.factor = real_number(op, "factor", factor, 0, 1, open_end=True)
        self.patience = integer(op, "patience", patience, minimum=0)
        self.cooldown = integer(op, "cooldown", cooldown, minimum=0)
        self.min_lr = real_number(op, "min_lr", min_lr, 0, math.inf, open_end=True)
        self.verbose = verbose
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.best = None
        self.wait = self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        if logs is not None:
            logs["learning_rate"] = optimizer.learning_rate
        value = self.current(logs)
        if value is None:
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(value, self.best):
            self.best, self.wait = value, 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience and optimizer.learning_rate > self.min_lr:
                optimizer.learning_rate = max(optimizer.learning_rate * self.factor, self.min_lr)
                self.wait, self.cooldown_counter = 0, self.cooldown
                if self.verbose:
                    print(f"Epoch {epoch + 1}: the learning rate is reduced to {optimizer.learning_rate:g}.")
