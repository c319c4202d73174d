"""Numbers as whole steps of a scale, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx.registry import operator
from pyconv.onnx.tensors import dtype_of

_WHOLE = ("int8", "uint8", "int16", "uint16", "int32")
_UINT8 = 2  # TensorProto.UINT8


def _along(x: Array, numbers: Array, axis: int, block_size: int) -> Array:
    """Scales or zero points in a form that broadcasts against x: one, one a place of an axis, or one a block of it."""
    if numbers.size == 1 and not block_size:
        return numbers.reshape(())
    place = range(x.ndim)[axis]
    if block_size:
        return np.repeat(numbers, block_size, place).take(range(x.shape[place]), place)
    return numbers.reshape(*(1,) * place, -1, *(1,) * (x.ndim - place - 1))


def _require_whole(name: str, dtype: Any) -> None:
    if np.dtype(dtype).name not in _WHOLE:
        raise ValueError(f"{name}: quantized numbers must be {', '.join(_WHOLE)}. Received: {np.dtype(dtype)}.")


@operator("QuantizeLinear")
def quantize(
    x: Array,
    scale: Array,
    zero_point: Array | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
    precision: int = 0,
    saturate: int = 1,
) -> Array:
    dtype = zero_point.dtype if zero_point is not None else dtype_of(output_dtype or _UINT8)
    _require_whole("QuantizeLinear", dtype)
    # The quotient is rounded in the dtype of x, as it is where the numbers were quantized.
    steps = np.rint(x / _along(x, scale, axis, block_size).astype(x.dtype)).astype(np.float64)
    if zero_point is not None:
        steps += _along(x, zero_point, axis, block_size)
    bounds = np.iinfo(dtype)
    y: Array = np.clip(steps, bounds.min, bounds.max).astype(dtype)
    return y


@operator("DequantizeLinear")
def dequantize(
    x: Array,
    scale: Array,
    zero_point: Array | None = None,
    *,
    axis: int = 1,
    block_size: int = 0,
    output_dtype: int = 0,
) -> Array:
    _require_whole("DequantizeLinear", x.dtype)
    steps = x.astype(np.float32)
    if zero_point is not None:
        steps = steps - _along(x, zero_point, axis, block_size).astype(np.float32)
    y = steps * _along(x, scale, axis, block_size)
    return y.astype(dtype_of(output_dtype) if output_dtype else scale.dtype)


@operator("DynamicQuantizeLinear")
def dynamic_quantize(x: Array) -> tuple[Array, Array, Array]:
    low, high = min(x.min(initial=0), 0), max(x.max(initial=0), 0)
    scale = np.float32((high - low) / np.float32(255)) or np.float32(1)
    zero = np.clip(np.rint(-low / scale), 0, 255).astype(np.uint8)
    y = np.clip(np.rint(x / scale) + zero, 0, 255).astype(np.uint8)
    return y, np.asarray(scale), np.asarray(zero)
