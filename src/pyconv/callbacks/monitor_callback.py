"""What callbacks share that watch one of the logs: its name, and which way is better. Does nothing by itself."""

from __future__ import annotations

import math
import warnings
from typing import Any

from pyconv.arguments import real_number
from pyconv.callbacks.callback import Callback, Logs


class MonitorCallback(Callback):
    """The base of callbacks that watch a number.

    Args:
        monitor: the number's name in the logs.
        mode: "min" if less is better, "max" if more is, "auto" for what the metric of that name says.
        min_delta: how much better is better.

    Raises:
        ValueError: if mode is something else, min_delta no number; later, if "auto" can't tell.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        op = type(self).__name__
        if mode not in ("auto", "min", "max"):
            raise ValueError(f'{op}: mode must be "auto", "min" or "max". Received: mode={mode!r}.')
        self.monitor, self.mode = monitor, mode
        self.min_delta = abs(real_number(op, "min_delta", min_delta, -math.inf, math.inf))
        self.best: float | None = None

    def current(self, logs: Logs | None) -> float | None:
        """The number watched; None, with a warning, if the logs don't have it."""
        value: Any = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__}: the logs have no {self.monitor!r}, only {', '.join(logs or ())}.", stacklevel=2
            )
            return None
        return float(value)

    def is_better(self, value: float, reference: float | None) -> bool:
        """Whether a number is better than another, by min_delta at least; than None any number is."""
        if reference is None:
            return True
        gain = value - reference if self._more_is_better() else reference - value
        return gain > self.min_delta

    def _more_is_better(self) -> bool:
        if self.mode == "auto":
            self.mode = self._mode_of_metric()
        return self.mode == "max"

    def _mode_of_metric(self) -> str:
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return "min"
        for known, metric in self.model.named_metrics():
            if known == name and getattr(metric, "_direction", None) is not None:
                return "max" if metric._direction == "up" else "min"
        raise ValueError(
            f"{type(self).__name__}: whether more or less of {self.monitor!r} is better isn't known, so mode must be "
            '"max" or "min". Received: mode="auto".'
        )
