"""Writes a model as an ONNX file: walks its steps and asks for each what it becomes. Knows no layer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from pyconv import tree
from pyconv.models import Model
from pyconv.onnx.package import onnx
from pyconv.onnx.writing import (  # noqa: F401 - they register what layers become
    activations,
    convolutions,
    merges,
    normalizations,
    pools,
    shapes,
)
from pyconv.onnx.writing.exporters import EXPORTERS, Call, UnsupportedLayerError
from pyconv.onnx.writing.writer import Writer
from pyconv.symbolic import KerasTensor, Operation, Shape

# As old as the operators allow, so that older runtimes read the files too: LayerNormalization came with 17.
_OPSET, _IR_VERSION = 17, 8
_OPERATIONS = {"add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "true_divide": "Div"}
_OPERATIONS |= {
    "maximum": "Max",
    "minimum": "Min",
    "power": "Pow",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
}
_OPERATIONS |= {"exp": "Exp", "log": "Log", "sqrt": "Sqrt", "absolute": "Abs", "negative": "Neg"}


def export(model: Model, path: str | os.PathLike[str] | None = None) -> Any:
    """Writes a model as an ONNX file that computes what the model does when it is used.

    Args:
        model: a Sequential or functional model whose input's shape is known.
        path: the file; None to write none.

    Returns:
        The `onnx.ModelProto`.

    Raises:
        ImportError: if the package onnx isn't installed.
        TypeError: if model isn't a model.
        UnsupportedLayerError: if a layer can't be written; the error names it.

    Example:
    >>> import numpy as np
    >>> import pyconv.onnx
    >>> from pyconv import Sequential, layers
    >>> model = Sequential([layers.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten()])
    >>> loaded = pyconv.onnx.load(pyconv.onnx.export(model))
    >>> x = np.ones((2, 8, 8, 3))
    >>> bool(np.allclose(loaded(x)[0], model(x), atol=1e-6))
    True
    """
    if not isinstance(model, Model):
        raise TypeError(f"onnx.export: model must be a pyconv model. Received: {type(model).__name__}.")
    graph = model._graph
    if graph is None:
        raise UnsupportedLayerError(
            f"onnx.export: the model {model.name!r} has no graph of layers: it must be functional, or a Sequential "
            f"whose input's shape is known."
        )
    proto, writer = onnx(), Writer(np.dtype(model.dtype))
    inputs = [f"{tensor.name}" for tensor in graph.flat_inputs]
    results = _walk(writer, graph, inputs)
    outputs: list[str] = []
    for name in results:
        writer.prefix = "output" if len(results) == 1 else f"output_{len(outputs)}"
        outputs.append(writer.node("Identity", name))
    kind = proto.helper.np_dtype_to_tensor_dtype(writer.dtype)
    ends = [
        [
            proto.helper.make_tensor_value_info(name, kind, _dimensions(name, tensor.shape))
            for name, tensor in zip(names, tensors, strict=True)
        ]
        for names, tensors in ((inputs, graph.flat_inputs), (outputs, graph.flat_outputs))
    ]
    nodes = writer.used(outputs)
    weights = [proto.numpy_helper.from_array(array, name) for name, array in writer.constants.items()]
    whole = proto.helper.make_graph(nodes, model.name, *ends, weights)
    opset = proto.helper.make_opsetid("", _OPSET)
    written = proto.helper.make_model(whole, producer_name="pyconv", opset_imports=[opset], ir_version=_IR_VERSION)
    proto.checker.check_model(written)
    if path is not None:
        with open(path, "wb") as file:
            file.write(written.SerializeToString())
    return written


def _walk(writer: Writer, graph: Any, inputs: Sequence[str]) -> list[str]:
    """The names of a graph's outputs, computed from values of these names."""
    names = {id(tensor): name for tensor, name in zip(graph.flat_inputs, inputs, strict=True)}
    for node in graph.nodes:
        if not node.inputs:
            continue
        given = [names[id(tensor)] for tensor in node.inputs]
        outer, writer.prefix = writer.prefix, f"{writer.prefix}/{node.operation.name}".strip("/")
        results = _written(writer, node, given)
        writer.prefix = outer
        names.update(zip(map(id, tree.flatten(node.outputs)), results, strict=True))
    return [names[id(tensor)] for tensor in graph.flat_outputs]


def _written(writer: Writer, node: Any, given: list[str]) -> list[str]:
    layer = node.operation
    if isinstance(layer, Operation):
        return [_operation(writer, node, given)]
    if isinstance(layer, Model) and layer._graph is not None:
        return _walk(writer, layer._graph, given)
    call = Call(
        layer, [tensor.shape for tensor in node.inputs], [tensor.shape for tensor in tree.flatten(node.outputs)]
    )
    exporter = EXPORTERS.get(type(layer).__name__) if type(layer).__module__.startswith("pyconv.") else None
    if exporter is None:
        raise call.refuse("pyconv.onnx has no form for layers of this class")
    return [exporter(writer, call, *given)]


def _operation(writer: Writer, node: Any, given: list[str]) -> str:
    """An operation between symbolic tensors, and numbers."""
    operation = node.operation
    op = _OPERATIONS.get(operation.function.__name__)
    leaves = [*node.args, *node.kwargs.values()]
    if op is None or operation.settings or any(isinstance(leaf, list | tuple | dict) for leaf in leaves):
        raise UnsupportedLayerError(f"onnx.export: the operation {operation.name!r} can't be written.")
    names = iter(given)
    inputs = [next(names) if isinstance(leaf, KerasTensor) else writer.number(leaf) for leaf in leaves]
    # Below a transposition, where no shapes are broadcast.
    alone = len(given) == 1 and isinstance(leaves[0], KerasTensor) and not any(map(np.ndim, leaves[1:]))
    return writer.unary(op, *inputs) if alone else str(writer.node(op, *inputs))


def _dimensions(name: str, shape: Shape) -> list[int | str]:
    """A shape for the file; sizes that are unknown get names, the batch's the same everywhere."""
    return [size if size is not None else f"{name}_{axis}" if axis else "batch" for axis, size in enumerate(shape)]
