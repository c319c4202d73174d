"""The register of what layers become in ONNX: functions by the names of layers' classes, and of operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pyconv.onnx.errors import UnsupportedError
from pyconv.onnx.writing.writer import Writer
from pyconv.symbolic import Shape


class UnsupportedLayerError(UnsupportedError):
    """A model has a layer that can't be written to an ONNX file."""


class Call(NamedTuple):
    """A layer called on symbolic tensors: itself, and the shapes of what it is given and gives."""

    layer: Any
    inputs: list[Shape]
    outputs: list[Shape]

    def refuse(self, why: str) -> UnsupportedLayerError:
        """The error that says why the layer can't be written."""
        kind = type(self.layer).__name__
        return UnsupportedLayerError(f"onnx.export: the layer {self.layer.name!r} ({kind}) can't be written: {why}.")

    def known(self, shape: Shape, axes: Any) -> list[int]:
        """Sizes along axes, which must be known."""
        sizes = [size for axis in axes if (size := shape[axis]) is not None]
        if len(sizes) < len(tuple(axes)):
            raise self.refuse(f"sizes of its input {shape} must be known")
        return sizes


# A function (writer, call, names of the inputs) -> name of the result.
Exporter = Callable[..., str]
EXPORTERS: dict[str, Exporter] = {}


def exports(*names: str) -> Callable[[Exporter], Exporter]:
    """Registers a function for layers of these classes."""

    def register(function: Exporter) -> Exporter:
        EXPORTERS.update(dict.fromkeys(names, function))
        return function

    return register


def first(writer: Writer, call: Call, name: str) -> str:
    """A spatial layer's input with channels first."""
    return name if call.layer.data_format == "channels_first" else writer.first(name, call.layer.rank)


def back(writer: Writer, call: Call, name: str) -> str:
    """The result of a spatial layer, channels first, as the layer gives it."""
    return name if call.layer.data_format == "channels_first" else writer.last(name, call.layer.rank)
