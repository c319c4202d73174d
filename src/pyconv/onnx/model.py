"""A loaded ONNX model: called with arrays, and what its inputs and outputs are. How it runs is in program.py."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv.gradient import Array
from pyconv.models.batches import batches
from pyconv.onnx.compiling import compile_graph, compile_regions
from pyconv.onnx.errors import InvalidModelError, UnsupportedError
from pyconv.onnx.external import ExternalData
from pyconv.onnx.graph import Graph, Value
from pyconv.onnx.layout import SUFFIX
from pyconv.onnx.package import onnx
from pyconv.onnx.reading import read_model
from pyconv.ops import geometry

# A message of protobuf can't be larger.
_MOST_BYTES = 2**31
# What may be computed beforehand and kept: as much as the file itself, and for small files tables of some size.
_LEAST_BUDGET = 2**20
_BATCH = 32  # samples at a time where neither the caller nor the file says; as in Keras


def load(model: Any) -> OnnxModel:
    """Opens an ONNX model.

    Args:
        model: the path of a file, its bytes, or an `onnx.ModelProto`. Of operator sets 6 and later.

    Returns:
        A model to call with arrays.

    Raises:
        ImportError: if the package onnx isn't installed.
        InvalidModelError: if it is no model, contradicts itself, or asks for files outside of its folder.
        UnsupportedOperatorsError: if it has operators that pyconv doesn't have; the error lists them all.
        UnsupportedError: if it needs something else that pyconv doesn't have.

    Example:
    >>> import numpy as np
    >>> import pyconv.onnx
    >>> from onnx import parser
    >>> text = '<ir_version: 8, opset_import: ["" : 17]> double (float[N,2] x) => (float[N,2] y) { y = Add(x, x) }'
    >>> model = pyconv.onnx.load(parser.parse_model(text))
    >>> model.inputs
    [Value(name='x', dtype=dtype('float32'), shape=('N', 2))]
    >>> (y,) = model(np.array([[1.0, 2.0]]))
    >>> y
    array([[2., 4.]], dtype=float32)
    """
    proto, folder = onnx(), None
    if isinstance(model, proto.ModelProto):
        message, size = model, model.ByteSize()
    else:
        content, folder = _content(model)
        message, size = proto.ModelProto(), len(content)
        try:
            message.ParseFromString(content)
        except Exception as error:  # protobuf's own, of which there are two implementations
            raise InvalidModelError(f"onnx.load: not an ONNX file: {error}.") from None
    try:
        graph = read_model(message, ExternalData(folder))
        return OnnxModel(graph, max(size, _LEAST_BUDGET))
    except RecursionError:
        raise InvalidModelError("onnx.load: the model's graphs are nested too deep.") from None


def _content(model: Any) -> tuple[bytes, Path | None]:
    if isinstance(model, bytes | bytearray | memoryview):
        return bytes(model), None
    if not isinstance(model, str | os.PathLike):
        raise TypeError(
            f"onnx.load: model must be a path, bytes or an onnx.ModelProto. Received: {type(model).__name__}."
        )
    path = Path(model)
    if path.stat().st_size >= _MOST_BYTES:
        raise InvalidModelError(f"onnx.load: {path} is larger than an ONNX file can be.")
    return path.read_bytes(), path.resolve().parent


class OnnxModel:
    """A model from an ONNX file, made by `load`.

    Attributes:
        inputs: name, dtype and shape of what it is called with; in a shape a name or None stands for any size.
        outputs: the same of what it returns.
    """

    def __init__(self, graph: Graph, budget: int) -> None:
        for value in graph.inputs:
            if not isinstance(value.dtype, np.dtype):
                raise UnsupportedError(f"onnx.load: the input {value.name!r} isn't a tensor but a {value.dtype}.")
        self.inputs, self.outputs = list(graph.inputs), list(graph.outputs)
        with np.errstate(all="ignore"):
            self._program = compile_graph(graph, budget)
            self._in_regions = compile_regions(graph, budget)

    def __call__(self, *arrays: ArrayLike, **named: ArrayLike) -> tuple[Array, ...]:
        """The outputs for these inputs.

        Args:
            *arrays: the inputs in order, or one dictionary of them by name.
            **named: inputs by name.

        Returns:
            One array for each of `outputs`.

        Raises:
            TypeError: if inputs are missing or too many, or hold another kind of numbers.
            ValueError: if a shape doesn't fit, or an operator refuses what it is given.
        """
        return self._run(self._arranged(arrays, named))

    def predict(self, x: Any, batch_size: int | None = None) -> tuple[Array, ...]:
        """The outputs for any number of samples, computed batch by batch along the first axis of all inputs.

        Args:
            x: an array for a model with one input; a list, tuple or dictionary of arrays, equally many samples in each.
            batch_size: how many samples at a time; by default the number that the file fixes, or 32.

        Returns:
            One array for each of `outputs`, all samples together.

        Raises:
            TypeError: as a call.
            ValueError: as a call, or if the arrays aren't equally long.
        """
        several = isinstance(x, list | tuple) and len(self.inputs) > 1
        arrays = self._arranged(tuple(x) if several else (x,), {}, whole=False)
        fixed = self.inputs[0].shape[0] if self.inputs and self.inputs[0].shape else None
        size = batch_size or (fixed if isinstance(fixed, int) else _BATCH)
        size = geometry.integer("predict", "batch_size", size)
        if any(array.ndim == 0 for array in arrays) or len({len(array) for array in arrays}) != 1:
            raise ValueError(f"predict: inputs must have equally many samples. Received: {[a.shape for a in arrays]}.")
        parts = [self._run(self._checked([a[part] for a in arrays])) for part in batches(len(arrays[0]), size)]
        return tuple(np.concatenate(outputs) for outputs in zip(*parts, strict=True))

    def values(self, *arrays: ArrayLike, **named: ArrayLike) -> list[tuple[str, Array]]:
        """Name and value of everything that is computed for these inputs, in order; `pyconv.compare` shows them.

        Steps that went into others have none, and images may have their channels last.
        """
        found: list[tuple[str, Array]] = []
        with np.errstate(all="ignore"):
            self._program.run(
                self._arranged(arrays, named), lambda name, value: found.append((name.removesuffix(SUFFIX), value))
            )
        return found

    def summary(self) -> str:
        """A text: inputs, outputs, and the steps that a call runs."""
        lines = [f"{kind:7}{name}: {dtype} {shape}" for kind, name, dtype, shape in self._ends()]
        return "\n".join([*lines, *(f"{i:5}  {step.label}" for i, step in enumerate(self._program.steps))])

    def _ends(self) -> list[tuple[str, str, Any, Any]]:
        return [("input", *value) for value in self.inputs] + [("output", *value) for value in self.outputs]

    def _run(self, arrays: list[Array]) -> tuple[Array, ...]:
        with np.errstate(all="ignore"):  # NaN and infinities go through, as ONNX has them
            return tuple(self._in_regions.run(arrays))

    def _arranged(self, arrays: tuple[Any, ...], named: Mapping[str, Any], whole: bool = True) -> list[Array]:
        """The given inputs in order, as arrays."""
        names = [value.name for value in self.inputs]
        if len(arrays) == 1 and isinstance(arrays[0], Mapping) and not named:
            named, arrays = arrays[0], ()
        given = dict(zip(names, arrays, strict=False)) | dict(named)
        if len(arrays) + len(named) != len(given) or set(given) != set(names):
            raise TypeError(f"The model's inputs are {names}. Received: {len(arrays)} arrays and {sorted(named)}.")
        found = [_as_input(value, given[value.name]) for value in self.inputs]
        return self._checked(found) if whole else found

    def _checked(self, arrays: list[Array]) -> list[Array]:
        for value, array in zip(self.inputs, arrays, strict=True):
            if value.shape is not None and not _fits(array.shape, value.shape):
                raise ValueError(
                    f"The input {value.name!r} must have the shape {value.shape}. Received: {array.shape}."
                )
        return arrays


def _as_input(value: Value, x: Any) -> Array:
    array: Array = np.asarray(x)
    if array.dtype == value.dtype:
        return array
    # Whole numbers serve as floats, floats of another width too; what would lose a fraction is refused.
    kinds = {"f": "fiub", "V": "fiub", "i": "iub", "u": "iub", "b": "b"}.get(value.dtype.kind, "O")
    if array.dtype.kind not in kinds and not (value.dtype == object and array.dtype.kind in "US"):
        raise TypeError(f"The input {value.name!r} must hold {value.dtype}. Received: {array.dtype}.")
    return array.astype(value.dtype)


def _fits(shape: tuple[int, ...], declared: tuple[int | str | None, ...]) -> bool:
    pairs = zip(shape, declared, strict=False)
    return len(shape) == len(declared) and all(size == own for size, own in pairs if isinstance(own, int))
