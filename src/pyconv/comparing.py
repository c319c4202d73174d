"""Where two versions of a model part ways: the results of their layers side by side. Changes neither.

A version is a model of pyconv, a model of Keras, a loaded ONNX model, or an ONNX file that onnxruntime runs.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pyconv import tree
from pyconv.gradient import Array
from pyconv.models import Model

__all__ = ["Comparison", "Row", "compare"]

Values = list[tuple[str, Array]]


class Row(NamedTuple):
    """A layer's result beside that of the other model; errors are largest differences."""

    name: str
    other: str
    shape: tuple[int, ...]
    error: float
    relative_error: float  # the error divided by the other's largest number
    agrees: bool


class Comparison(NamedTuple):
    """What `compare` found: a row for each layer, in order; as text it is a table."""

    rows: list[Row]
    left_out: list[str]  # layers of which the other model has nothing of that shape

    @property
    def first(self) -> Row | None:
        """The first layer whose results differ."""
        return next((row for row in self.rows if not row.agrees), None)

    def __str__(self) -> str:
        cells = [("layer", "of the other", "shape", "max error", "relative")]
        for row in self.rows:
            numbers = f"{row.error:.2e}", f"{row.relative_error:.2e}{'' if row.agrees else ' !'}"
            cells.append((row.name, row.other, str(row.shape), *numbers))
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
        ]
        if self.left_out:
            lines.append(f"not compared, the other has nothing of their shapes: {', '.join(self.left_out)}")
        first = self.first
        lines.append("all agree" if first is None else f"the first that differs: {first.name}")
        return "\n".join(lines)


def compare(
    model: Any,
    other: Any,
    x: Any,
    other_x: Any = None,
    *,
    tolerance: float = 1e-4,
    print_fn: Callable[[str], object] | None = None,
) -> Comparison:
    """Runs two versions of a model and shows, layer by layer, how far their results are apart.

    A layer's result is held against the other's of the same name, or else against that of the same shape which it
    comes closest to; images may have their channels last in one and first in the other.

    Args:
        model: a pyconv or Keras model, or what `pyconv.onnx.load` gives, or an ONNX file: its path, its bytes or an
            `onnx.ModelProto`, which onnxruntime runs.
        other: likewise, the one that is taken for right.
        x: the inputs, an array or a list of them.
        other_x: the inputs as the other model takes them, with channels first say; those of `x` by default.
        tolerance: the largest relative error that counts as agreement. The default is some hundred roundings of
            float32, which different orders of summation may come to.
        print_fn: is given the table instead of `print`.

    Returns:
        The rows of the table, which is printed.

    Raises:
        ImportError: if onnxruntime is needed and not installed.
        TypeError: if a model is none of these.

    Example:
    >>> import numpy as np
    >>> import pyconv
    >>> from pyconv import Sequential, layers
    >>> one = Sequential([layers.Input((4,)), layers.Dense(3, name="a"), layers.Dense(2, name="b")])
    >>> two = pyconv.models.clone_model(one)
    >>> two.set_weights(one.get_weights())
    >>> two.get_layer("b").bias.assign([0.0, 1.0])
    >>> found = pyconv.compare(one, two, np.zeros((1, 4)))
    layer  of the other  shape   max error  relative
    a      a             (1, 3)  0.00e+00   0.00e+00
    b      b             (1, 2)  1.00e+00   1.00e+00 !
    the first that differs: b
    >>> found.first.name
    'b'
    """
    mine, theirs = _values(model, x), _values(other, x if other_x is None else other_x)
    named = dict(theirs)
    rows, left_out = [], []
    for name, value in mine:
        candidates = [(name, named[name])] if name in named and _pairs(value, named[name]) else theirs
        found = [
            _row(name, label, value, against, tolerance)
            for label, candidate in candidates
            for against in _pairs(value, candidate)
        ]
        if found:
            rows.append(min(found, key=lambda row: row.relative_error))
        else:
            left_out.append(name)
    comparison = Comparison(rows, left_out)
    (print_fn or print)(str(comparison))
    return comparison


def _pairs(value: Array, candidate: Array) -> list[Array]:
    """The candidate as it may be held against a value: as it is, or with its channels at the other end."""
    forms = [candidate]
    if candidate.ndim > 2:
        forms += [np.moveaxis(candidate, 1, -1), np.moveaxis(candidate, -1, 1)]
    return [form for form in forms if form.shape == value.shape]


def _row(name: str, label: str, value: Array, against: Array, tolerance: float) -> Row:
    wide, right = value.astype(np.float64), against.astype(np.float64)
    same = (wide == right) | (np.isnan(wide) & np.isnan(right))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0, np.abs(wide - right))
    error = float(np.nan_to_num(apart, nan=np.inf).max(initial=0))
    largest = float(np.abs(right[np.isfinite(right)]).max(initial=0))
    relative = error / largest if largest else error
    return Row(name, label, value.shape, error, relative, relative <= tolerance)


def _values(model: Any, x: Any) -> Values:
    """Name and result of each of a model's layers, in order."""
    if isinstance(model, Model):
        return _of_pyconv(model, x)
    roots = {cls.__module__.partition(".")[0] for cls in type(model).__mro__}
    if keras := next((sys.modules[root] for root in ("keras", "tf_keras") if root in roots), None):
        return _of_keras(keras, model, x)
    inputs = list(x) if isinstance(x, list | tuple) else [x]
    if "pyconv" in roots and hasattr(model, "values"):
        return [(name, value) for name, value in model.values(*inputs) if isinstance(value, np.ndarray)]
    if isinstance(model, str | bytes | os.PathLike) or "onnx" in roots:
        return _of_onnxruntime(model, inputs)
    raise TypeError(f"compare: a model must be one of pyconv, Keras or ONNX. Received: {type(model).__name__}.")


def _of_pyconv(model: Model, x: Any) -> Values:
    graph = model._graph
    if graph is None:
        raise TypeError(f"compare: the model {model.name!r} must have a graph of layers, not a `call` of its own.")
    steps = [node for node in graph.nodes if node.inputs]
    names = [node.operation.name for node in steps for _ in tree.flatten(node.outputs)]
    whole = Model(graph.inputs, [tensor for node in steps for tensor in tree.flatten(node.outputs)])
    return list(zip(names, tree.flatten(whole.predict(x, verbose=0)), strict=True))


def _of_keras(keras: Any, model: Any, x: Any) -> Values:
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    whole = keras.Model(model.inputs, [layer.output for layer in layers])
    results = whole.predict(x, verbose=0)
    arrays = results if isinstance(results, list | tuple) else [results]
    return [(layer.name, np.asarray(array)) for layer, array in zip(layers, arrays, strict=True)]


def _of_onnxruntime(model: Any, inputs: list[Any]) -> Values:
    """With every value of the graph made an output."""
    from pyconv.onnx.package import onnx  # noqa: PLC0415 - loaded when it is needed

    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise ImportError("compare: ONNX files are run by onnxruntime, which isn't installed.") from error
    proto = onnx()
    whole = proto.ModelProto()
    if isinstance(model, bytes):
        whole.ParseFromString(model)
    else:
        whole.CopyFrom(proto.load(model) if isinstance(model, str | os.PathLike) else model)
    present = {value.name for value in whole.graph.output}
    made = [name for node in whole.graph.node for name in node.output if name]
    whole.graph.output.extend(proto.ValueInfoProto(name=name) for name in made if name not in present)
    session = runtime.InferenceSession(whole.SerializeToString(), providers=["CPUExecutionProvider"])
    given = {
        value.name: np.asarray(array, np.float32 if value.type == "tensor(float)" else None)
        for value, array in zip(session.get_inputs(), inputs, strict=True)
    }
    found: dict[str, Any] = dict(zip(made, session.run(made, given), strict=True))
    return [(name, value) for name, value in found.items() if isinstance(value, np.ndarray) and value.dtype.kind == "f"]
