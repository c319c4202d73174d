"""The package `onnx`, which reads and writes the files; imported when first needed."""

from __future__ import annotations

import functools
import importlib
from typing import Any


@functools.cache
def onnx() -> Any:
    """The package `onnx`.

    Raises:
        ImportError: if it isn't installed.
    """
    try:
        for part in ("onnx.helper", "onnx.numpy_helper", "onnx.defs", "onnx.checker"):
            importlib.import_module(part)
        return importlib.import_module("onnx")
    except ImportError as error:
        raise ImportError(
            "pyconv.onnx needs the package onnx, which isn't installed: pip install 'pyconv-nn[onnx]'."
        ) from error
