"""The configuration of a functional model in Keras 3's form, both ways: its layers and, for each, its calls."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from typing import Any

from pyconv import ops, tree
from pyconv.layers.layer import Layer
from pyconv.models.graph import Graph
from pyconv.naming import snake_case
from pyconv.saving import custom_object_scope, deserialize_keras_object, serialize_keras_object
from pyconv.symbolic import KerasTensor, Operation, substitute

Place = tuple[str, int, int]  # of a tensor: its layer's name, the number of the call there, that of the result

# Operations that make arrays of any size from nothing, or aren't steps of a model.
_NOT_IN_MODELS = {"conv", "conv_transpose", "convert_to_numpy", "convert_to_tensor", "dense", "depthwise_conv", "full"}
_NOT_IN_MODELS |= {"ones", "separable_conv", "shape", "zeros"}
# Operations that Keras has among those of neural networks; the others are in its NumPy.
_NN = {"conv", "depthwise_conv", "average_pool", "max_pool", "softmax", "log_softmax", "softplus", "softsign"}
_NN |= {"relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "glu", "silu", "mish", "sigmoid", "log_sigmoid"}
_NN |= {"hard_sigmoid", "hard_silu", "hard_tanh", "hard_shrink", "soft_shrink", "squareplus", "threshold"}


_OF_A_GRAPH = {"name", "trainable", "layers", "input_layers", "output_layers"}


def functional_config(model: Layer, graph: Graph) -> dict[str, Any]:
    """What `get_config` of a functional model returns."""
    place: dict[int, Place] = {}
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

    def end(tensor: KerasTensor) -> list[Any]:
        name, number, index = place[id(tensor)]
        assert tensor.node is not None
        return [name, number + _first_number(tensor.node.operation), index]

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
        entry |= {"name": operation.name, "inbound_nodes": calls}  # in place: it may be marked as shared later
        layers.append(entry)
    for tensor in graph.flat_inputs:
        if id(tensor) not in place:
            raise ValueError(
                f"get_config: the inputs of {model.name!r} must come from Input() for that. Received: {tensor}."
            )
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": tree.map_structure(end, graph.inputs),
        "output_layers": tree.map_structure(end, graph.outputs),
    }


def from_functional_config(cls: Any, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> Any:
    """A new functional model of class `cls`."""
    with custom_object_scope(custom_objects or {}):
        operations = {entry["name"]: _operation(entry) for entry in config["layers"]}
        if len(operations) < len(config["layers"]):
            raise ValueError("from_config: All operation names should be unique. Two of the layers have the same.")
        known = {
            (name, 0, index): tensor
            for name, operation in operations.items()
            if not isinstance(operation, Operation)
            for node in operation.inbound_nodes[:1]  # an InputLayer's
            if not node.inputs
            for index, tensor in enumerate(tree.flatten(node.outputs))
        }
        _make_calls(config["layers"], operations, known)
    inputs, outputs = (_tensors_at(config[key], operations, known) for key in ("input_layers", "output_layers"))
    own = {}
    if not cls.__module__.startswith("pyconv."):  # a subclass, whose constructor may have more arguments
        own = {key: value for key, value in config.items() if key not in _OF_A_GRAPH}
    return cls(inputs=inputs, outputs=outputs, name=config.get("name"), trainable=config.get("trainable", True), **own)


def _make_calls(entries: Any, operations: Mapping[str, Any], known: dict[Place, KerasTensor]) -> None:
    """Makes the calls of all layers, each as soon as its tensors are known; those of one layer in their order."""
    calls = {entry["name"]: deque(enumerate(entry["inbound_nodes"])) for entry in entries}
    waiting: defaultdict[Place, list[str]] = defaultdict(list)  # for a tensor: layers whose next call needs it
    ready = list(reversed(calls))
    while ready:
        name = ready.pop()
        while calls[name]:
            number, call = calls[name][0]
            missing = next((place for place in _places((call["args"], call["kwargs"])) if place not in known), None)
            if missing is not None:
                waiting[missing].append(name)
                break
            calls[name].popleft()
            kwargs = _resolved(call["kwargs"], known)
            if kwargs.get("training") and getattr(operations[name], "_trains_unless_told", False):
                del kwargs["training"]  # Keras 3.15 notes the default, which the model's mode is to come before
            results = operations[name](*_resolved(call["args"], known), **kwargs)
            for index, tensor in enumerate(tree.flatten(results)):
                known[name, number, index] = tensor
                ready += waiting.pop((name, number, index), ())
    if unmade := [name for name, left in calls.items() if left]:
        raise ValueError(
            f"from_config: the inputs of these layers are missing, or depend on their results: {unmade[:20]}."
        )


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
    if function not in ops.__all__ or function in _NOT_IN_MODELS:
        raise ValueError(f"from_config: there is no operation {function!r} in pyconv.ops. Received: {name!r}.")
    return Operation(getattr(ops, function), name, config)


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def _place(value: Mapping[str, Any]) -> Place:
    name, node, index = value["config"]["keras_history"]
    return name, node, index


def _first_number(operation: Any) -> int:
    """What Keras counts the calls of a layer from, where it says what a model's outputs are: its making of a functional
    model was one.
    """
    return int(getattr(operation, "is_functional", False))


def _places(value: Any) -> Iterator[Place]:
    """The tensors that a call's arguments name."""
    if _is_tensor(value):
        yield _place(value)
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _places(item)


def _resolved(value: Any, known: Mapping[Place, KerasTensor]) -> Any:
    """Arguments with the tensors that they name."""
    if _is_tensor(value):
        return known[_place(value)]
    if isinstance(value, list | tuple):
        return [_resolved(item, known) for item in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _resolved(item, known) for key, item in value.items()}
    return deserialize_keras_object(value)


def _tensors_at(places: Any, operations: Mapping[str, Any], known: Mapping[Place, KerasTensor]) -> Any:
    """A model's inputs or outputs: one place, or a structure of places."""
    if isinstance(places, dict):
        return {key: _tensors_at(place, operations, known) for key, place in places.items()}
    if isinstance(places[0], str):
        name, node, index = places
        return known[name, node - _first_number(operations.get(name)), index]
    found = [_tensors_at(place, operations, known) for place in places]
    return tuple(found) if isinstance(places, tuple) else found
