"""What `fit`, `evaluate` and `predict` tell as they go along, and who listens."""

from __future__ import annotations

from pyconv.callbacks.callback import Callback, CallbackList, Logs
from pyconv.callbacks.history import History

__all__ = ["Callback", "CallbackList", "History", "Logs"]
