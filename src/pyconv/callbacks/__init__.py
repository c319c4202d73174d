"""What `fit`, `evaluate` and `predict` tell as they go along, and who listens."""

from __future__ import annotations

from pyconv.callbacks.backup_and_restore import BackupAndRestore
from pyconv.callbacks.callback import Callback, CallbackList, Logs
from pyconv.callbacks.csv_logger import CSVLogger
from pyconv.callbacks.early_stopping import EarlyStopping
from pyconv.callbacks.history import History
from pyconv.callbacks.lambda_callback import LambdaCallback
from pyconv.callbacks.learning_rate_scheduler import LearningRateScheduler
from pyconv.callbacks.model_checkpoint import ModelCheckpoint
from pyconv.callbacks.monitor import MonitorCallback
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
