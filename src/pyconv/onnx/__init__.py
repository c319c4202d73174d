"""ONNX files: open them and run them without another runtime, and write pyconv's models as such files.

Needs the package onnx, the extra `onnx`, to read and write; it computes nothing here.
"""

from pyconv.onnx.errors import InvalidModelError, MissingOperator, UnsupportedError, UnsupportedOperatorsError
from pyconv.onnx.model import OnnxModel, load
from pyconv.onnx.writing.export import export
from pyconv.onnx.writing.exporters import UnsupportedLayerError

__all__ = [
    "InvalidModelError",
    "MissingOperator",
    "OnnxModel",
    "UnsupportedError",
    "UnsupportedLayerError",
    "UnsupportedOperatorsError",
    "export",
    "load",
]
