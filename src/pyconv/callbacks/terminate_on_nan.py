"""TerminateOnNaN: no more steps once the loss is no number."""

from __future__ import annotations

import math

from pyconv.callbacks.callback import Callback, Logs


class TerminateOnNaN(Callback):
    """Ends the training after a batch that makes the loss NaN or infinite.

    Args:
        raise_error: whether that is an error rather than an end.

    Raises:
        RuntimeError: later, if raise_error.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"TerminateOnNaN: the loss is {loss} after batch {batch}.")
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
