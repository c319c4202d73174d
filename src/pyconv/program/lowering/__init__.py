"""A model's layers and operations as the nodes of a program: those that nobody lowers become calls of themselves."""

from __future__ import annotations

from typing import Any

from pyconv import tree
from pyconv.layers.layer import Layer
from pyconv.models.model import Model
from pyconv.models.sequential import Sequential
from pyconv.program.graph import Graph, Node, Value
from pyconv.program.kinds import Call
from pyconv.program.lowering import (  # noqa: F401 - they register what they lower
    convolutions,
    elementwise,
    merging,
    normalization,
    pooling,
    shaping,
)
from pyconv.program.lowering.registry import (
    Lowering,
    NotLoweredError,
    function_for_layer,
    function_for_operation,
)
from pyconv.symbolic import KerasTensor, Operation, flat_shapes, substitute

__all__ = ["NotLoweredError", "can_inline", "lower"]


def lower(model: Model, shapes: list[tuple[int, ...]], to: Lowering) -> Graph:
    """The graph of a functional or Sequential model for samples of these shapes; `to` notes what it was made from.

    Raises:
        NotLoweredError: if the model must run layer by layer.
        ValueError: if a layer refuses a shape.
    """
    if not can_inline(model):
        raise NotLoweredError
    inputs = [Value(shape) for shape in shapes]
    outputs = _inline(to, model, inputs)
    return Graph(inputs, outputs, to.nodes)


def can_inline(model: Any) -> bool:
    """Whether a model is no more than its graph: made of layers or symbolic tensors, called as pyconv calls it."""
    own = isinstance(model, Model) and type(model).call in (Model.call, Sequential.call)
    return own and model._graph is not None and model.activity_regularizer is None and "call" not in vars(model)


def _inline(to: Lowering, model: Model, inputs: list[Value]) -> list[Value]:
    graph = model._graph
    assert graph is not None
    for tensor, value in zip(graph.flat_inputs, inputs, strict=True):
        if tensor.dtype != "float32" or len(tensor.shape) != len(value.shape) + 1 or tensor.shape[0] is not None:
            raise NotLoweredError
    to.models.append((model, graph))
    values = {id(tensor): value for tensor, value in zip(graph.flat_inputs, inputs, strict=True)}
    for node in graph.nodes:
        results = tree.flatten(node.outputs)
        if not node.inputs or all(id(tensor) in values for tensor in results):
            continue
        made = _lowered(to, node, values)
        values.update(zip(map(id, results), made, strict=True))
    return [values[id(tensor)] for tensor in graph.flat_outputs]


def _lowered(to: Lowering, node: Any, values: dict[int, Value]) -> list[Value]:
    """The values of one call of a layer or operation."""
    operation = node.operation
    args, kwargs = substitute((node.args, node.kwargs), lambda tensor: values[id(tensor)])
    is_plain = all(value is None for value in kwargs.values())
    to.label, count = operation.name, len(to.nodes)
    if isinstance(operation, Layer) and operation.dtype != "float32":
        raise NotLoweredError
    try:
        if isinstance(operation, Operation) and is_plain:
            lower_operation = function_for_operation(operation.function.__name__)
            if lower_operation is not None:
                settings = operation.function.__name__, operation.settings
                return [lower_operation(to, settings, list(args))]
        elif is_plain and len(args) == 1 and all(isinstance(leaf, Value) for leaf in tree.flatten(args)):
            if can_inline(operation):
                return _inline(to, operation, tree.flatten(args))
            lower_layer = function_for_layer(operation)
            if lower_layer is not None:
                lowered = lower_layer(to, operation, tree.flatten(args))
                to.layers.append(operation)
                return [lowered]
    except NotLoweredError:
        del to.nodes[count:]
    return _called(to, node, values)


def _called(to: Lowering, node: Any, values: dict[int, Value]) -> list[Value]:
    """A node that calls the layer or operation itself."""
    shapes = _result_shapes(node, values)
    to.called.append(node.operation)
    places = {id(tensor): place for place, tensor in enumerate(node.inputs)}

    def call(arrays: list[Any]) -> list[Any]:
        args, kwargs = substitute((node.args, node.kwargs), lambda tensor: arrays[places[id(tensor)]])
        return tree.flatten(node.operation(*args, **kwargs))

    outputs = [Value(shape) for shape in shapes]
    to.nodes.append(Node(Call(call), [values[id(tensor)] for tensor in node.inputs], outputs, (node.operation.name,)))
    return outputs


def _result_shapes(node: Any, values: dict[int, Value]) -> list[tuple[int, ...]]:
    """One sample's shapes of a call's results; raises NotLoweredError where the batch doesn't come first."""

    def shape_of(tensor: KerasTensor) -> tuple[int | None, ...]:
        return (None, *values[id(tensor)].shape)

    given = substitute(node.args[0], shape_of) if node.args else None
    several = len(node.inputs) > len(tree.flatten(node.args[:1]))
    arguments = [shape_of(tensor) for tensor in node.inputs] if several else [given]
    shapes = flat_shapes(node.operation.compute_output_shape(*arguments))
    samples = [tuple(size for size in shape[1:] if size is not None) for shape in shapes]
    whole = all(
        shape and shape[0] is None and len(s) == len(shape) - 1 for s, shape in zip(samples, shapes, strict=True)
    )
    if not whole:
        raise NotLoweredError
    return samples
