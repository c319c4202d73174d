"""A model as a list of steps between numbered tensors, nested models taken apart. Their rules are rules.py's."""

from __future__ import annotations

from typing import Any, NamedTuple

from pyconv import config, tree
from pyconv.models import Model
from pyconv.models.graph import Graph
from pyconv.ops import geometry
from pyconv.symbolic import KerasTensor, Operation
from pyconv.tiling.rules import NotTileableError, Rule, of_layer, of_operation


class Step(NamedTuple):
    """A layer's call: it makes tensor `output` of tensors `inputs`, all of which it reads alike."""

    name: str
    inputs: tuple[int, ...]
    output: int
    rule: Rule


class Chain(NamedTuple):
    """A model with one input, tensor 0, and one output."""

    steps: list[Step]
    output: int
    rank: int  # spatial axes
    channels_first: bool


def chain_of(op: str, model: Any) -> Chain:
    """The steps of a functional or Sequential model; `op` is who asks, for errors.

    Raises:
        TypeError: if it isn't a model.
        ValueError: if it has no graph, several inputs or outputs, or a layer that can't be tiled.
    """
    if not isinstance(model, Model):
        raise TypeError(f"{op}: model must be a pyconv.Model. Received: {model!r:.60}.")
    graph = model._graph
    if graph is None:
        raise ValueError(
            f"{op}: model must be functional or a built Sequential, so that its layers are known. Received: {model!r}."
        )
    if len(graph.flat_inputs) != 1 or len(graph.flat_outputs) != 1:
        raise ValueError(
            f"{op}: model must have one input and one output. Received: {len(graph.flat_inputs)} and "
            f"{len(graph.flat_outputs)}."
        )
    rank = graph.flat_inputs[0].ndim - 2
    if not 1 <= rank <= 3:
        raise ValueError(
            f"{op}: the input must be images with one to three spatial axes. "
            f"Received: an input of shape {graph.flat_inputs[0].shape}."
        )
    steps: list[Step] = []
    first = _channels_first(op, model)
    numbers = {id(graph.flat_inputs[0]): 0}
    _collect(op, graph, numbers, steps, 1 if first else -1, rank)
    return Chain(steps, numbers[id(graph.flat_outputs[0])], rank, first)


def _collect(op: str, graph: Graph, numbers: dict[int, int], steps: list[Step], channel_axis: int, rank: int) -> None:
    """Adds a graph's steps; numbers says which tensor is which, and learns of new ones."""
    for node in graph.nodes:
        layer = node.operation
        outputs = tree.flatten(node.outputs)
        if all(id(tensor) in numbers for tensor in outputs):
            continue  # the input
        inputs = tuple(numbers[id(tensor)] for tensor in node.inputs)
        if isinstance(layer, Model) and layer._graph is not None and not layer._is_own:
            inner = dict(zip(map(id, layer._graph.flat_inputs), inputs, strict=True))
            _collect(op, layer._graph, inner, steps, channel_axis, rank)
            numbers.update(zip(map(id, outputs), (inner[id(t)] for t in layer._graph.flat_outputs), strict=True))
            continue
        try:
            if any(tensor.ndim != rank + 2 for tensor in (*node.inputs, *outputs)):
                raise NotTileableError("its tensors aren't images like the input")
            if isinstance(layer, Operation):
                rule = of_operation(layer, node.args, channel_axis, rank)
            elif layer._is_own:
                raise NotTileableError("what a layer of one's own reads isn't known")
            else:
                rule = of_layer(layer, channel_axis, rank)
        except NotTileableError as reason:
            raise ValueError(
                f"{op}: the model isn't fully convolutional: layer {layer.name!r} ({_kind(layer)}), {reason}."
            ) from None
        numbers[id(outputs[0])] = len(steps) + 1
        steps.append(Step(layer.name, inputs, len(steps) + 1, rule))


def _kind(layer: Any) -> str:
    return layer.function.__name__ if isinstance(layer, Operation) else type(layer).__name__


def _channels_first(op: str, model: Model) -> bool:
    """Whether the channels come first, as all layers must agree."""
    formats = {layer.data_format for layer in _all_layers(model) if hasattr(layer, "data_format")}
    if len(formats) > 1:
        raise ValueError(f"{op}: all layers must have the same data_format. Received: {sorted(formats)}.")
    return geometry.data_format(op, next(iter(formats), config.image_data_format())) == "channels_first"


def _all_layers(model: Model) -> list[Any]:
    inside = [layer for layer in model.layers if not isinstance(layer, Model)]
    return inside + [each for layer in model.layers if isinstance(layer, Model) for each in _all_layers(layer)]


def input_tensor(model: Model) -> KerasTensor:
    """A model's only input."""
    tensor: KerasTensor = tree.flatten(model.inputs)[0]
    return tensor
