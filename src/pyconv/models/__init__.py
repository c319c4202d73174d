"""Models: layers that work together and can be trained."""

from __future__ import annotations

from pyconv.models.sequential import Sequential

__all__ = ["Sequential"]
