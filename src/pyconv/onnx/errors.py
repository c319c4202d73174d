"""The errors of reading and writing ONNX files; everything else is a ValueError or TypeError of a call."""

from __future__ import annotations

from typing import NamedTuple


class InvalidModelError(ValueError):
    """A file that isn't a model, contradicts itself, or asks for what no file may: others, or endless memory."""


class UnsupportedError(NotImplementedError):
    """A model that is right and needs something that pyconv doesn't have."""


class MissingOperator(NamedTuple):
    """An operator of a file that pyconv doesn't have, and how many nodes of the file use it."""

    name: str
    domain: str
    version: int
    nodes: int


class UnsupportedOperatorsError(UnsupportedError):
    """A model uses operators that pyconv doesn't have; `missing` lists them all."""

    def __init__(self, missing: list[MissingOperator]) -> None:
        self.missing = missing
        listed = ", ".join(
            f"{name} ({domain or 'ai.onnx'} {version}, {count} node{'s' * (count > 1)})"
            for name, domain, version, count in missing
        )
        super().__init__(f"onnx.load: the model needs operators that pyconv doesn't have: {listed}.")
