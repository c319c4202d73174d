"""What `fit` tells as it goes along: the base for callbacks of one's own, and History."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Callback", "CallbackList", "History", "Logs"]

Logs = Mapping[str, float]


class Callback:
    """The base of all callbacks: override what is of interest, `fit` calls it.

    `self.model` is the model, `self.params` the numbers of epochs and of steps in each. A callback ends the
    training by setting `self.model.stop_training = True` when a batch or an epoch ends. The "test" methods are called
    while the validation data are evaluated.

    Example:
    >>> from pyconv.callbacks import Callback
    >>> class StopWhenPerfect(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         self.model.stop_training = logs["accuracy"] == 1.0
    """

    model: Any = None
    params: Mapping[str, Any] = {}

    def set_model(self, model: Any) -> None:
        """Is told the model before the training begins."""
        self.model = model

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Is told the numbers of epochs and steps before the training begins."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """The training is about to begin."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """The training is over; logs are the last epoch's."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Epoch 0, 1, ... is about to begin."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """The epoch is over; logs are its loss and metrics, those of the validation data with "val_"."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Batch 0, 1, ... of the epoch is about to begin."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """The weights have been updated; logs are the epoch's loss and metrics so far."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """The validation is about to begin."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """The validation is over; logs are its loss and metrics."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Batch 0, 1, ... of the validation is about to begin."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """The batch is evaluated; logs are the validation's loss and metrics so far."""


class CallbackList:
    """Several callbacks, called in order.

    Args:
        callbacks: the callbacks.
        model: the model they are told.
        params: the numbers they are told.

    Raises:
        TypeError: if one isn't a `Callback`.
    """

    def __init__(self, callbacks: Iterable[Callback], model: Any, params: Mapping[str, Any]) -> None:
        self._callbacks = list(callbacks)
        for callback in self._callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"fit: callbacks must be instances of Callback. Received: {callback!r}.")
            callback.set_params(params)
            callback.set_model(model)

    def call(self, hook: str, *args: Any) -> None:
        """Calls the method named `hook` of every callback."""
        for callback in self._callbacks:
            getattr(callback, hook)(*args)


class History(Callback):
    """What `fit` returns: loss and metrics of each epoch.

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
