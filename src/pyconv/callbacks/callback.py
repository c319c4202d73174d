"""The base for callbacks of one's own, and the list that calls them. What they do is in the files beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Logs = dict[str, Any]


class Callback:
    """The base of all callbacks: override what is of interest, `fit`, `evaluate` and `predict` call it.

    `self.model` is the model, `self.params` the numbers of epochs and of steps in each. A callback ends the
    training by setting `self.model.stop_training = True` when a batch or an epoch ends. The "test" methods are called
    by `evaluate`, and by `fit` while it evaluates the validation data.

    Example:
    >>> from pyconv.callbacks import Callback
    >>> class StopWhenPerfect(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         self.model.stop_training = logs["accuracy"] == 1.0
    """

    model: Any = None
    params: Mapping[str, Any] = {}

    def set_model(self, model: Any) -> None:
        """Is told the model before the run begins."""
        self.model = model

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Is told the numbers of epochs and steps, None if unknown, before the run begins."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """The training is about to begin; weights and the optimizer's state are made, unless data must show how."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """The training is over, without an exception; logs are the last epoch's."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Epoch 0, 1, ... is about to begin."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """The epoch is over; logs are its loss and metrics, those of the validation data with "val_"."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Batch 0, 1, ... of the epoch is about to begin."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """The weights have been updated; logs are the epoch's loss and metrics so far."""
        self.on_batch_end(batch, logs)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """An evaluation or validation is about to begin."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """It is over; logs are its loss and metrics."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Batch 0, 1, ... of it is about to begin."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """The batch is evaluated; logs are the loss and metrics so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """A prediction is about to begin."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """The prediction is over."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Batch 0, 1, ... of the prediction is about to begin."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """The batch is computed; logs["outputs"] are its results."""


class CallbackList(Callback):
    """Several callbacks as one, called in order.

    Args:
        callbacks: a callback, a list of them, or None.
        add_history: whether a `History` is added if there is none; the model's `history` becomes it.
        model: the model they are told.
        **params: what else they are told, the numbers of epochs and steps.

    Raises:
        TypeError: if one isn't a `Callback`.
    """

    def __init__(self, callbacks: Any = None, add_history: bool = False, model: Any = None, **params: Any) -> None:
        from pyconv.callbacks.history import History  # noqa: PLC0415 - which is a Callback

        self.callbacks = as_list("CallbackList", callbacks)
        if add_history:
            histories = [callback for callback in self.callbacks if isinstance(callback, History)]
            if not histories:
                self.callbacks.append(History())
            if model is not None:
                model.history = (histories or self.callbacks)[-1]
        self.set_params(params)
        if model is not None:
            self.set_model(model)

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: Mapping[str, Any]) -> None:
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)


def _for_all(hook: str) -> Callable[..., None]:
    def call(self: CallbackList, *args: Any, **kwargs: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(*args, **kwargs)

    return call


for _hook in [name for name in vars(Callback) if name.startswith("on_")]:
    setattr(CallbackList, _hook, _for_all(_hook))


def as_list(op: str, callbacks: Any) -> list[Callback]:
    """The argument `callbacks` of `op` as a list: of one, of several, or of none for None.

    Raises:
        TypeError: if one isn't a `Callback`.
    """
    if isinstance(callbacks, CallbackList):
        return list(callbacks.callbacks)
    listed = [callbacks] if isinstance(callbacks, Callback) else list(callbacks or ())
    for callback in listed:
        if not isinstance(callback, Callback):
            raise TypeError(f"{op}: callbacks must be instances of Callback. Received: {callback!r}.")
    return listed
