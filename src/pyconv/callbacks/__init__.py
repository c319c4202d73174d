"""What `fit`, `evaluate` and `predict` tell of a run, and who listens. A callback is read when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pyconv.callbacks.callback import Callback, CallbackList, Logs
from pyconv.callbacks.history import History
from pyconv.naming import snake_case

# What the names that come late mean, for editors and type checkers.
if TYPE_CHECKING:
    from pyconv.callbacks.backup_and_restore import BackupAndRestore
    from pyconv.callbacks.csv_logger import CSVLogger
    from pyconv.callbacks.early_stopping import EarlyStopping
    from pyconv.callbacks.lambda_callback import LambdaCallback
    from pyconv.callbacks.learning_rate_scheduler import LearningRateScheduler
    from pyconv.callbacks.model_checkpoint import ModelCheckpoint
    from pyconv.callbacks.monitor_callback import MonitorCallback
    from pyconv.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
    from pyconv.callbacks.terminate_on_nan import TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "Logs",
    "ModelCheckpoint",
    "MonitorCallback",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    file = "terminate_on_nan" if name == "TerminateOnNaN" else snake_case(name)
    found = getattr(importlib.import_module(f"{__name__}.{file}"), name)
    globals()[name] = found  # the next time it is there
    return found
