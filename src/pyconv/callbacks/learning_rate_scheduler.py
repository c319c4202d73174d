"""LearningRateScheduler: a learning rate for each epoch. Those for each step are `optimizers.schedules`."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from pyconv.callbacks.callback import Callback, Logs


class LearningRateScheduler(Callback):
    """Sets the learning rate when an epoch begins; the logs get it as "learning_rate".

    Args:
        schedule: a function of the epoch's number, from 0, or of that and the learning rate so far.
        verbose: 1 to print the rate.

    Raises:
        TypeError: if schedule isn't callable; later, if what it returns is no number.

    Example:
    >>> from pyconv import callbacks
    >>> halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate if epoch < 10 else rate / 2)
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise TypeError(f"LearningRateScheduler: schedule must be a function. Received: schedule={schedule!r}.")
        self.schedule, self.verbose = schedule, verbose
        try:
            inspect.signature(schedule).bind(0, 0.0)
            self._takes_rate = True
        except (TypeError, ValueError):  # one argument, or a function of C whose arguments aren't known
            self._takes_rate = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        given = (epoch, optimizer.learning_rate) if self._takes_rate else (epoch,)
        optimizer.learning_rate = self.schedule(*given)
        if self.verbose:
            print(f"Epoch {epoch + 1}: the learning rate is {optimizer.learning_rate:g}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.learning_rate
