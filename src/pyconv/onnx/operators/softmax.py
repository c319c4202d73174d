"""Softmax and its like, along one axis; before version 13 over all axes from one on."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from pyconv import ops
from pyconv.gradient import Array
from pyconv.onnx.operators.floats import as_core_float, as_dtype_of
from pyconv.onnx.registry import operator


def _hardmax(x: Array, axis: int) -> Array:
    y = np.zeros_like(x)
    np.put_along_axis(y, np.expand_dims(x.argmax(axis), axis), 1, axis)
    return y


def _along_axis(name: str, function: Callable[[Array, int], Array]) -> None:
    @operator(name, since=13, layout="axis")
    def along(x: Array, *, axis: int = -1) -> Array:
        return as_dtype_of(function(as_core_float(x), axis), x)

    @operator(name)
    def flattened(x: Array, *, axis: int = 1) -> Array:
        place = axis + x.ndim if axis < 0 else axis
        rows = x.reshape(math.prod(x.shape[:place]), -1)
        return as_dtype_of(function(as_core_float(rows), 1), x).reshape(x.shape)


_along_axis("Softmax", ops.softmax)
_along_axis("LogSoftmax", ops.log_softmax)
_along_axis("Hardmax", _hardmax)
