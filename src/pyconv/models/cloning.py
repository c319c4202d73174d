"""Models made anew from others or from text: the same structure, weights of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pyconv.layers.input_layer import InputLayer
from pyconv.layers.layer import Layer
from pyconv.models.model import Model
from pyconv.models.sequential import Sequential
from pyconv.symbolic import Operation
from pyconv.tree import flatten, pack_sequence_as


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Model:
    """A model with new layers like those of another, and new weights.

    Args:
        model: a Sequential or functional model; one of one's own needs `get_config`.
        input_tensors: KerasTensors to begin with, in the structure of `model.input`; new ones by default.
        clone_function: makes the new layer for each layer, inputs left out; from the layer's configuration by default.
        call_function: called with each new layer and its arguments, gives the result: `layer(*args, **kwargs)`, and
            what one wants besides. For functional models.
        recursive: whether models within are cloned in this way too, layer by layer.

    Raises:
        TypeError: if model isn't a model.
        ValueError: if the model is one of one's own and has more than its configuration to be cloned by, or
            input_tensors don't fit.

    Example:
    >>> from pyconv import Sequential, layers, models
    >>> model = Sequential([layers.Input((4,)), layers.Dense(3)])
    >>> models.clone_model(model).count_params()
    15
    """
    if not isinstance(model, Model):
        raise TypeError(f"clone_model: model must be a model. Received: {model!r}.")
    own = clone_function or _from_config

    def clone(layer: Layer) -> Layer:
        if recursive and isinstance(layer, Model) and (layer.is_functional or isinstance(layer, Sequential)):
            function = call_function if layer.is_functional else None
            return clone_model(layer, None, clone_function, function, recursive)
        return own(layer)

    if isinstance(model, Sequential):
        return _clone_sequential(model, input_tensors, clone, call_function)
    graph = model._graph
    if graph is None:
        if not (clone_function is None and call_function is None and input_tensors is None):
            raise ValueError("clone_model: a model of one's own is cloned by its configuration alone.")
        return type(model).from_config(model.get_config())
    new = {id(operation): _clone(operation, clone) for operation in graph.operations}
    if input_tensors is None:
        inputs = [new[id(tensor.node.operation)].output for tensor in graph.flat_inputs if tensor.node is not None]
    else:
        if not _alike(graph.inputs, input_tensors):
            raise ValueError(
                "clone_model: `input_tensors` must have the same structure as model.input. "
                f"Received: input_tensors={input_tensors}, model.input={graph.inputs}."
            )
        inputs = flatten(input_tensors)
    outputs = graph.replay(new, inputs, call_function)
    return type(model)(pack_sequence_as(graph.inputs, inputs), outputs, name=model.name)


def _clone_sequential(
    model: Sequential, input_tensors: Any, clone: Callable[[Layer], Layer], call_function: Callable[..., Any] | None
) -> Sequential:
    if call_function is not None:
        raise ValueError("clone_model: call_function is for functional models; a Sequential is a plain line of layers.")
    layers: list[Any] = [_from_config(each) if isinstance(each, InputLayer) else clone(each) for each in model._layers]
    if input_tensors is not None:
        tensors = flatten(input_tensors)
        if len(tensors) != 1:
            raise ValueError(
                f"clone_model: input_tensors of a Sequential must be one tensor. Received: {len(tensors)} of them."
            )
        layers = [tensors[0], *(layer for layer in layers if not isinstance(layer, InputLayer))]
    return Sequential(layers, name=model.name, trainable=model.trainable)


def _alike(a: Any, b: Any) -> bool:
    """Whether both are nested in the same way; lists and tuples are told apart from dictionaries only."""
    if isinstance(a, dict) or isinstance(b, dict):
        return (
            isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys() and all(_alike(a[k], b[k]) for k in a)
        )
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_alike, a, b))
    return len(flatten(a)) == len(flatten(b)) == 1


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """The model that `to_json`, or Keras', described, with new weights.

    Args:
        json_string: the description.
        custom_objects: classes and functions that aren't pyconv's, by their names.

    Raises:
        TypeError: if it describes something else.
        ValueError: if it isn't JSON or names a class that isn't known.
    """
    from pyconv.saving import deserialize_keras_object  # noqa: PLC0415 - so that `import pyconv` stays light

    model = deserialize_keras_object(json.loads(json_string), custom_objects)
    if not isinstance(model, Model):
        raise TypeError(f"model_from_json: json_string must describe a model. Received: {type(model).__name__}.")
    return model


def _from_config(layer: Layer) -> Layer:
    return type(layer).from_config(layer.get_config())


def _clone(operation: Any, clone: Callable[[Layer], Layer]) -> Any:
    if isinstance(operation, Operation):
        return Operation(operation.function, operation.name, operation.settings)
    return _from_config(operation) if isinstance(operation, InputLayer) else clone(operation)
