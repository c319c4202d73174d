"""Progress of fit, evaluate and predict on the screen: a tqdm bar, a line, or nothing."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from pyconv.callbacks import Callback, Logs

_MODES: dict[Any, int] = {"auto": 1, 0: 0, 1: 1, 2: 2}


class Progress(Callback):
    """Shows how far a run over batches is, how fast it goes and what it has found.

    Args:
        op: who asks, for errors.
        verbose: 0 for silence, 1 or "auto" for a bar, 2 for one line at the end.

    Attributes:
        samples: the samples done, which whoever runs the batches counts.

    Raises:
        ValueError: if verbose is something else.
    """

    def __init__(self, op: str, verbose: Any) -> None:
        if not isinstance(verbose, str | int) or verbose not in _MODES:
            raise ValueError(f'{op}: verbose must be 0, 1, 2 or "auto". Received: verbose={verbose!r}.')
        self._mode = _MODES[verbose]
        self._bar: Any = None
        self._is_training = False
        self.samples = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._is_training = True
        self._open(f"Epoch {epoch + 1}/{self.params['epochs']}")

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._step(logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._close(logs or {})

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if not self._is_training:
            self._open("Evaluate")

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if not self._is_training:
            self._step(logs or {})

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._is_training:
            self._close(logs or {})

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        self._open("Predict", keep=False)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._step({})

    def on_predict_end(self, logs: Logs | None = None) -> None:
        self._close({})

    def _open(self, title: str, keep: bool = True) -> None:
        self._title, self._start, self._speed, self.samples = title, time.perf_counter(), "", 0
        if self._mode == 1:
            from tqdm import tqdm  # noqa: PLC0415 - so that `import pyconv` stays light

            self._bar = tqdm(total=self.params["steps"], desc=title, unit="batch", leave=keep)

    def _step(self, logs: Logs) -> None:
        self._speed = f"{self.samples / max(time.perf_counter() - self._start, 1e-9):.0f} images/s"
        if self._bar is not None:
            self._bar.set_postfix_str(self._text(logs), refresh=False)
            self._bar.update()

    def _close(self, logs: Logs) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(self._text(logs))
            self._bar.close()
            self._bar = None
        elif self._mode == 2:
            seconds = time.perf_counter() - self._start
            print(f"{self._title} - {seconds:.1f}s - {self._text(logs)}", flush=True)

    def _text(self, logs: Logs) -> str:
        return ", ".join([*(f"{name}: {_number(value)}" for name, value in logs.items()), self._speed])

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:  # an exception has ended the run
            self._bar.close()


def _number(value: Any) -> str:
    if not isinstance(value, int | float):
        return str(value)
    # A tiny loss must not read as nought.
    return f"{value:.4f}" if abs(value) >= 1e-3 or value == 0 else f"{value:.2e}"
