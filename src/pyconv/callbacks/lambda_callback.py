"""LambdaCallback: functions as a callback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconv.callbacks.callback import Callback

Hook = Callable[..., object]


class LambdaCallback(Callback):
    """Calls functions that are given by the hooks' names.

    Args:
        on_epoch_begin: a function of (epoch, logs), as the method of that name.
        on_epoch_end: likewise.
        on_train_begin: a function of logs.
        on_train_end: likewise.
        on_train_batch_begin: a function of (batch, logs).
        on_train_batch_end: likewise.
        **kwargs: other hooks of `Callback`.

    Raises:
        TypeError: if one isn't callable.
        ValueError: if there is no hook of a name.

    Example:
    >>> from pyconv.callbacks import LambdaCallback
    >>> tell = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    """

    def __init__(
        self,
        on_epoch_begin: Hook | None = None,
        on_epoch_end: Hook | None = None,
        on_train_begin: Hook | None = None,
        on_train_end: Hook | None = None,
        on_train_batch_begin: Hook | None = None,
        on_train_batch_end: Hook | None = None,
        **kwargs: Hook,
    ) -> None:
        hooks: dict[str, Any] = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for name, function in hooks.items():
            if not (name.startswith("on_") and hasattr(Callback, name)):
                raise ValueError(f"LambdaCallback: there is no hook of that name. Received: {name}.")
            if function is not None:
                if not callable(function):
                    raise TypeError(f"LambdaCallback: {name} must be a function. Received: {name}={function!r}.")
                setattr(self, name, function)
