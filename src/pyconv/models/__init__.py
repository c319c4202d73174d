"""Models: layers that work together and can be trained."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pyconv.models.cloning import clone_model, model_from_json
from pyconv.models.functional import Functional
from pyconv.models.model import Model
from pyconv.models.sequential import Sequential

if TYPE_CHECKING:
    from pyconv.saving import load_model, save_model

__all__ = ["Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]


def __getattr__(name: str) -> Any:
    if name in ("load_model", "save_model"):  # late: a model needs no files
        return getattr(importlib.import_module("pyconv.saving"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
