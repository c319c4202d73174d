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
from pyconv.tree import pack_sequence_as


def clone_model(
    model: Model, input_tensors: Any = None, clone_function: Callable[[Layer], Layer] | None = None
) -> Model:
    """A model with new layers like those of another, and new weights.

    Args:
        model: a Sequential or functional model; one of one's own needs `get_config`.
        input_tensors: not supported, None.
        clone_function: makes the new layer for each layer, inputs left out; from the layer's configuration by default.

    Raises:
        TypeError: if model isn't a model.
        ValueError: if the model is one of one's own and clone_function is given.

    Example:
    >>> from pyconv import Sequential, layers, models
    >>> model = Sequential([layers.Input((4,)), layers.Dense(3)])
    >>> models.clone_model(model).count_params()
    15
    """
    if not isinstance(model, Model):
        raise TypeError(f"clone_model: model must be a model. Received: {model!r}.")
    if input_tensors is not None:
        raise ValueError("clone_model: input_tensors is not supported, call the clone on them. Received one.")
    clone = clone_function or _from_config
    if isinstance(model, Sequential):
        layers = [_from_config(layer) if isinstance(layer, InputLayer) else clone(layer) for layer in model._layers]
        return Sequential(layers, name=model.name, trainable=model.trainable)
    graph = model._graph
    if graph is None:
        if clone_function is not None:
            raise ValueError("clone_model: clone_function is for Sequential and functional models only.")
        return type(model).from_config(model.get_config())
    new = {id(operation): _clone(operation, clone) for operation in graph.operations}
    inputs = [new[id(tensor.node.operation)].output for tensor in graph.flat_inputs if tensor.node is not None]
    outputs = graph.replay(new, inputs)
    return type(model)(pack_sequence_as(graph.inputs, inputs), outputs, name=model.name)


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
