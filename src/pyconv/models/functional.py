"""Functional: what `Model(inputs, outputs)` gives. All it does is in model.py; the name is what Keras' files use."""

from __future__ import annotations

from typing import Any

from pyconv.models.model import Model


class Functional(Model):
    """A model between symbolic inputs and outputs; see `Model`."""

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(inputs, outputs, name=name, **kwargs)
