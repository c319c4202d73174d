"""Tensors of a file as NumPy arrays. Nothing is taken from a file that isn't as long as the tensor's shape says."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx.errors import InvalidModelError, UnsupportedError
from pyconv.onnx.external import ExternalData
from pyconv.onnx.package import onnx

# The field of a TensorProto that holds its numbers where raw_data doesn't, and what NumPy calls them there.
_FIELDS = {
    "float32": "float_data",
    "float64": "double_data",
    "int64": "int64_data",
    "uint32": "uint64_data",
    "uint64": "uint64_data",
    "complex64": "float_data",
    "complex128": "double_data",
    "object": "string_data",
}
# Types of less than a byte: two or four numbers share one.
_PER_BYTE = {"INT4": 2, "UINT4": 2, "FLOAT4E2M1": 2, "INT2": 4, "UINT2": 4}


def dtype_of(element_type: int) -> np.dtype[Any]:
    """NumPy's dtype for a type of ONNX; bfloat16 and its like are those of ml_dtypes.

    Raises:
        InvalidModelError: if there is no such type.
    """
    try:
        found: np.dtype[Any] = np.dtype(onnx().helper.tensor_dtype_to_np_dtype(element_type))
        return found
    except (KeyError, TypeError, ValueError):
        raise InvalidModelError(f"onnx.load: a tensor can't have the element type {element_type}.") from None


def array_of(tensor: Any, external: ExternalData) -> Array:
    """The array that a TensorProto holds, read-only where it is the file's own memory.

    Raises:
        InvalidModelError: if it has more or fewer numbers than its shape says.
        UnsupportedError: if it is only a part of a tensor.
    """
    proto = onnx()
    label, shape = f"tensor {tensor.name!r}", tuple(tensor.dims)
    if any(size < 0 for size in shape):
        raise InvalidModelError(f"onnx.load: {label} can't have the shape {shape}.")
    if tensor.HasField("segment"):
        raise UnsupportedError(f"onnx.load: {label} is a segment of a larger one, which pyconv doesn't read.")
    dtype, count = dtype_of(tensor.data_type), math.prod(shape)
    kind = proto.TensorProto.DataType.Name(tensor.data_type)
    nbytes = -(-count // _PER_BYTE[kind]) if kind in _PER_BYTE else count * dtype.itemsize
    if tensor.data_location == proto.TensorProto.EXTERNAL:
        raw = external.read(tensor, nbytes)
    elif tensor.HasField("raw_data"):
        raw = tensor.raw_data
    else:
        return _from_field(tensor, label, dtype, shape, kind)
    if len(raw) != nbytes or dtype.kind == "O":
        raise InvalidModelError(
            f"onnx.load: {label} of shape {shape} and type {kind} must have {nbytes} bytes. Received: {len(raw)}."
        )
    if kind in _PER_BYTE:
        plain = proto.TensorProto(data_type=tensor.data_type, dims=shape, raw_data=raw)
        return np.asarray(proto.numpy_helper.to_array(plain))
    return _shaped(np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype, copy=False), shape)


def _from_field(tensor: Any, label: str, dtype: np.dtype[Any], shape: tuple[int, ...], kind: str) -> Array:
    field = getattr(tensor, _FIELDS.get(dtype.name, "int32_data"))
    held = len(field) // 2 if dtype.kind == "c" else len(field) * _PER_BYTE.get(kind, 1)
    count = math.prod(shape)
    if not count <= held < count + _PER_BYTE.get(kind, 1):
        raise InvalidModelError(f"onnx.load: {label} of shape {shape} must have {count} numbers. Received: {held}.")
    if dtype.kind == "O":
        return _shaped(np.array([_text(item) for item in field], object), shape)
    if dtype.name in ("float32", "float64", "int64", "uint32", "uint64"):
        return _shaped(np.array(field, dtype), shape)
    plain = onnx().TensorProto(data_type=tensor.data_type, dims=shape)
    getattr(plain, _FIELDS.get(dtype.name, "int32_data")).extend(field)
    try:
        return np.asarray(onnx().numpy_helper.to_array(plain))
    except (ValueError, OverflowError, TypeError) as error:
        raise InvalidModelError(f"onnx.load: {label} holds numbers that {kind} doesn't have: {error}.") from None


def _shaped(array: Array, shape: tuple[int, ...]) -> Array:
    try:
        return array.reshape(shape)
    except ValueError:  # no numbers, but sizes whose product isn't addressable
        raise InvalidModelError(f"onnx.load: a tensor can't have the shape {shape}.") from None


def _text(item: bytes) -> str:
    try:
        return item.decode()
    except UnicodeDecodeError:
        raise InvalidModelError("onnx.load: a string of the model isn't UTF-8.") from None
