"""The configuration of a functional model in Keras 3's form, both ways: its layers and, for each, its calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyconv import ops, tree
from pyconv.layers.layer import Layer
from pyconv.models.graph import Graph
from pyconv.naming import snake_case
from pyconv.saving import custom_object_scope, deserialize_keras_object, serialize_keras_object
from pyconv.symbolic import KerasTensor, Operation, substitute

# Operations that Keras has among those of neural networks; the others are in its NumPy.
_NN = {"conv", "depthwise_conv", "average_pool", "max_pool", "softmax", "log_softmax", "softplus", "softsign"}
_NN |= {"relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "glu", "silu", "mish", "sigmoid", "log_sigmoid"}
_NN |= {"hard_sigmoid", "hard_silu", "hard_tanh", "hard_shrink", "soft_shrink", "squareplus", "threshold"}


def functional_config(model: Layer, graph: Graph) -> dict[str, Any]:
    """What `get_config` of a functional model returns."""
    place = {}  # of each tensor: its layer's name, the number of the call there, that of the result
    for operation in graph.operations:
        for number, node in enumerate(graph.nodes_of(operation)):
            for tensor in tree.flatten(node.outputs):
                place[id(tensor)] = (operation.name, number, tensor.index)

    def described(tensor: KerasTensor) -> dict[str, Any]:
        config = {"shape": tensor.shape, "dtype": tensor.dtype, "keras_history": list(place[id(tensor)])}
        return {"class_name": "__keras_tensor__", "config": config}

    def call(args: Any, kwargs: Any) -> dict[str, Any]:
        return {
            "args": serialize_keras_object(substitute(args, described)),
            "kwargs": serialize_keras_object(substitute(kwargs, described)),
        }

    layers = []
    for operation in graph.operations:
        nodes = [node for node in graph.nodes_of(operation) if node.inputs]
        if isinstance(operation, Operation):
            (node,) = nodes
            entry = _operation_config(operation)
            calls = [call(node.args, {})]
        else:
            entry = serialize_keras_object(operation)
            calls = [call(node.args, node.kwargs) for node in nodes]
        layers.append(entry | {"name": operation.name, "inbound_nodes": calls})
    for tensor in graph.flat_inputs:
        if id(tensor) not in place:
            raise ValueError(
                f"get_config: the inputs of {model.name!r} must come from Input() for that. Received: {tensor}."
            )
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": tree.map_structure(lambda tensor: list(place[id(tensor)]), graph.inputs),
        "output_layers": tree.map_structure(lambda tensor: list(place[id(tensor)]), graph.outputs),
    }


def from_functional_config(cls: Any, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> Any:
    """A new functional model of class `cls`."""
    with custom_object_scope(custom_objects or {}):
        operations = {entry["name"]: _operation(entry) for entry in config["layers"]}
        # Calls still to be made, layer by layer; a layer's calls must be made in their order.
        waiting = [(entry["name"], list(enumerate(entry["inbound_nodes"]))) for entry in config["layers"]]
        known = {
            (name, 0, index): tensor
            for name, operation in operations.items()
            if not isinstance(operation, Operation)
            for node in operation.inbound_nodes[:1]  # an InputLayer's
            if not node.inputs
            for index, tensor in enumerate(tree.flatten(node.outputs))
        }
        while any(calls for _, calls in waiting):
            made = 0
            for name, calls in waiting:
                while calls and _known_tensors(calls[0][1], known):
                    number, call = calls.pop(0)
                    results = operations[name](*_resolved(call["args"], known), **_resolved(call["kwargs"], known))
                    known |= {(name, number, i): tensor for i, tensor in enumerate(tree.flatten(results))}
                    made += 1
            if not made:
                missing = [name for name, calls in waiting if calls]
                raise ValueError(f"from_config: the inputs of these layers are missing: {missing}.")
    inputs, outputs = (_tensors_at(config[key], known) for key in ("input_layers", "output_layers"))
    return cls(inputs, outputs, name=config.get("name"), trainable=config.get("trainable", True))


def _operation_config(operation: Operation) -> dict[str, Any]:
    name = operation.class_name
    return {
        "module": "keras.src.ops.nn" if operation.function.__name__ in _NN else "keras.src.ops.numpy",
        "class_name": name,
        "config": {"name": operation.name, **serialize_keras_object(operation.settings)},
        "registered_name": name,
    }


def _operation(entry: Mapping[str, Any]) -> Any:
    """The layer, or the function of `pyconv.ops`, of one entry."""
    if not str(entry.get("module")).startswith("keras.src.ops"):
        return deserialize_keras_object(entry)
    config = dict(entry["config"])
    name, function = config.pop("name"), snake_case(entry["class_name"])
    if function not in ops.__all__:
        raise ValueError(f"from_config: there is no operation {function!r} in pyconv.ops. Received: {name!r}.")
    return Operation(getattr(ops, function), name, config)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def _place(value: Mapping[str, Any]) -> tuple[str, int, int]:
    name, node, index = value["config"]["keras_history"]
    return name, node, index


def _known_tensors(value: Any, known: Mapping[tuple[str, int, int], KerasTensor]) -> bool:
    """Whether all the tensors that a call's arguments name have been made."""
    if _is_tensor(value):
        return _place(value) in known
    if isinstance(value, dict | list | tuple):
        return all(_known_tensors(item, known) for item in (value.values() if isinstance(value, dict) else value))
    return True


def _resolved(value: Any, known: Mapping[tuple[str, int, int], KerasTensor]) -> Any:
    """Arguments with the tensors that they name."""
    if _is_tensor(value):
        return known[_place(value)]
    if isinstance(value, list | tuple):
        return [_resolved(item, known) for item in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _resolved(item, known) for key, item in value.items()}
    return deserialize_keras_object(value)


def _tensors_at(places: Any, known: Mapping[tuple[str, int, int], KerasTensor]) -> Any:
    """A model's inputs or outputs: one place, or a structure of places."""
    if isinstance(places, dict):
        return {key: _tensors_at(place, known) for key, place in places.items()}
    if isinstance(places[0], str):
        name, node, index = places
        return known[name, node, index]
    return [_tensors_at(place, known) for place in places]
