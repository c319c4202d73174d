"""Models: layers that work together and can be trained."""

from __future__ import annotations

from pyconv.models.cloning import clone_model, model_from_json
from pyconv.models.functional import Functional
from pyconv.models.model import Model
from pyconv.models.sequential import Sequential

__all__ = ["Functional", "Model", "Sequential", "clone_model", "model_from_json"]
