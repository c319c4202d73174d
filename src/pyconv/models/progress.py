"""Progress of fit, evaluate and predict on the screen: a tqdm bar, a line, or nothing."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from pyconv.callbacks import Callback, Logs

_MODES: dict[Any, int] = {"auto": 1, 0: 0, 1: 1, 2: 2}


class Progress(Callback):
    """Shows how far a run over batches is and what it has found.

    Args:
        op: who asks, for errors.
        title: what stands before the bar or the line.
        steps: the number of batches.
        verbose: 0 for silence, 1 or "auto" for a bar, 2 for one line at the end.
        keep: whether a full bar stays on the screen.

    Raises:
        ValueError: if verbose is something else.
    """

    def __init__(self, op: str, title: str, steps: int, verbose: Any, keep: bool = True) -> None:
        if not isinstance(verbose, str | int) or verbose not in _MODES:
            raise ValueError(f'{op}: verbose must be 0, 1, 2 or "auto". Received: verbose={verbose!r}.')
        self._title = title
        self._start = time.perf_counter()
        self._logs: Logs = {}
        self._mode = _MODES[verbose]
        self._bar: Any = None
        if self._mode == 1:
            from tqdm import tqdm  # noqa: PLC0415 - so that `import pyconv` stays light

            self._bar = tqdm(total=steps, desc=title, unit="batch", leave=keep)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.step(logs or {})

    def step(self, logs: Logs) -> None:
        """Another batch is done; logs are what has been found so far."""
        self._logs = logs
        if self._bar is not None:
            self._bar.set_postfix_str(_text(logs), refresh=False)
            self._bar.update()

    def finish(self, logs: Logs) -> None:
        """All is done; logs are the final findings."""
        self._logs = logs
        if self._bar is not None:
            self._bar.set_postfix_str(_text(logs))
        elif self._mode == 2:
            parts = [self._title, f"{time.perf_counter() - self._start:.1f}s", _text(logs)]
            print(" - ".join(part for part in parts if part), flush=True)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()


def _text(logs: Logs) -> str:
    # A tiny loss must not read as nought.
    return ", ".join(f"{key}: {value:{'.4f' if abs(value) >= 1e-3 else '.2e'}}" for key, value in logs.items())
