"""Descriptions of models from Keras 1 and 2 in the form of Keras 3. Makes nothing of them.

What differs: a layer has no module; its calls are lists [name, call, result, arguments]; some arguments have other
names, are there although they mean nothing, or meant something else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from pyconv.layers.layer import Layer
from pyconv.naming import snake_case
from pyconv.saving import keras1
from pyconv.saving.errors import ModelFileError
from pyconv.saving.known_classes import find_class

_MODELS = ("Model", "Functional", "Sequential")
# TensorFlow's functions in graphs of its Keras 2, and the operations they are.
_TENSORFLOW = {
    "__operators__.add": "Add",
    "math.add": "Add",
    "math.subtract": "Subtract",
    "math.multiply": "Multiply",
    "math.divide": "Divide",
    "math.truediv": "TrueDivide",
    "nn.relu": "Relu",
    "nn.relu6": "Relu6",
    "math.sigmoid": "Sigmoid",
    "math.tanh": "Tanh",
    "nn.silu": "Silu",
}
_BASE = frozenset(inspect.signature(Layer).parameters) | {"input_shape", "input_dim"}
_MEANINGLESS: tuple[Any, ...] = (None, False, "", [], {})


def modern(config: Any, version: str | None) -> Any:
    """A model's description in the form of Keras 3; one that has it already comes back as it is.

    Args:
        config: what the file says.
        version: the version of Keras that wrote it, 1 if it is unknown.

    Raises:
        ModelFileError: if something in it can't be put in that form.
    """
    major = int((version or "1").split(".")[0])
    return _modern(config, major)


def _modern(entry: Any, major: int) -> Any:
    if not isinstance(entry, dict) or "class_name" not in entry:
        raise ModelFileError(f"a layer must have a class and a configuration. Received: {str(entry)[:80]}.")
    if entry.get("module"):
        return entry
    name, config = str(entry["class_name"]), entry.get("config")
    if name in _MODELS:
        return _modern_model(entry, name, config, major)
    if not isinstance(config, dict):
        raise ModelFileError(f"layer {entry.get('name')!r} has no configuration.")
    if major >= 3 and "trainable" not in config and name != "InputLayer":
        return entry | {"module": "keras.src.ops.numpy"}  # x + 3, which is called like the layer Add
    if name == "TFOpLambda":
        return _tensorflow_function(entry, config)
    if major < 2:
        name, config = keras1.layer(name, config)
    registered = name if ">" in name else None
    name = name.rpartition(">")[2].removesuffix("V1").removesuffix("V2")
    made = {"module": "keras.layers", "class_name": name, "registered_name": registered}
    return {**entry, **made, "config": _modern_layer(name, registered, config, major)}


def _modern_model(entry: dict[str, Any], name: str, config: Any, major: int) -> dict[str, Any]:
    if isinstance(config, list):  # a Sequential of Keras before 2.2
        config = {"name": entry.get("name") or "sequential", "layers": config}
    inner = [_modern(layer, major) for layer in config["layers"]]
    if "input_layers" in config and major < 3:
        inner = _modern_calls(inner, config)
    for key in ("input_layers", "output_layers"):
        if key in config and len(config[key]) == 1:  # one array, which Keras 2 had no other way to say
            config = {**config, key: config[key][0]}
    module = "keras" if name == "Sequential" else "keras.src.models.functional"
    made = {"module": module, "class_name": "Sequential" if name == "Sequential" else "Functional"}
    kept = {key: config[key] for key in ("name", "trainable", "input_layers", "output_layers") if key in config}
    if name == "Sequential" and config.get("build_input_shape"):
        kept["build_input_shape"] = config["build_input_shape"]
    return {**entry, **made, "config": {**kept, "layers": inner}}


def _modern_layer(name: str, registered: str | None, config: dict[str, Any], major: int) -> dict[str, Any]:
    config = dict(config)
    if (shape := config.pop("batch_input_shape", None)) is not None:
        config.update({"batch_shape": shape} if name == "InputLayer" else {"input_shape": shape[1:]})
    if name == "LeakyReLU" and "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    if major < 3 and config.get("activation") == "hard_sigmoid":
        raise ModelFileError(f"layer {config.get('name')!r}: the hard_sigmoid of Keras 2 is another than Keras 3 has.")
    cls = find_class("keras.layers", name, registered)
    if cls is None or not cls.__module__.startswith("pyconv."):
        return config
    accepted = _BASE | inspect.signature(cls).parameters.keys()
    # What every convolution wrote whether it had it or not.
    unused = {"groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"}
    return {key: value for key, value in config.items() if key in accepted or not (key in unused or _is_none(value))}


def _is_none(value: Any) -> bool:
    return any(value is nothing or value == nothing for nothing in _MEANINGLESS)


def _modern_calls(entries: list[dict[str, Any]], config: dict[str, Any]) -> list[dict[str, Any]]:
    """The layers' calls as arguments, and the calls of models within counted from 0."""
    models = {entry["name"] for entry in entries if entry["class_name"] in _MODELS}
    first: dict[str, int] = {}  # Keras 2 counted the making of a model as a call, as a rule
    for place in _old_places([entry["inbound_nodes"] for entry in entries] + [config["output_layers"]]):
        if place[0] in models:
            first[place[0]] = min(place[1], first.get(place[0], place[1]))

    def tensor(place: Any) -> dict[str, Any]:
        history = [place[0], place[1] - first.get(place[0], 0), place[2]]
        return {"class_name": "__keras_tensor__", "config": {"keras_history": history}}

    functional = {entry["name"] for entry in entries if entry["class_name"] == "Functional"}
    config["output_layers"] = _with_places(
        config["output_layers"], lambda p: [p[0], p[1] - first.get(p[0], 0) + (p[0] in functional), p[2]]
    )
    return [
        {**entry, "inbound_nodes": [_modern_call(node, tensor) for node in entry["inbound_nodes"]]} for entry in entries
    ]


def _modern_call(node: Any, tensor: Callable[[Any], Any]) -> dict[str, Any]:
    if isinstance(node, dict):
        return node
    parts = [node] if node and isinstance(node[0], str) else node  # a function's call has one list less
    if not all(isinstance(part, list) and len(part) >= 3 for part in parts):
        raise ModelFileError(f"a layer is called with what isn't [name, call, result]. Received: {str(node)[:80]}.")
    kwargs = parts[0][3] if parts and len(parts[0]) > 3 else {}
    given = [part[2] if part[0] == "_CONSTANT_VALUE" else tensor(part) for part in parts]
    named = {key: _with_places(value, tensor) for key, value in kwargs.items() if key != "name"}
    if parts is not node:  # a function's: the other operand is named
        others = [named.pop(key) for key in ("y", "b") if key in named]
        return {"args": [*given, *others], "kwargs": named}
    return {"args": given if len(given) == 1 else [given], "kwargs": named}


def _tensorflow_function(entry: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    operation = _TENSORFLOW.get(str(config.get("function")))
    if operation is None:
        return {**entry, "module": None, "class_name": f"TFOpLambda {config.get('function')}"}
    module = "keras.src.ops.nn" if snake_case(operation) in {"relu", "relu6", "sigmoid", "silu"} else None
    made = {"module": module or "keras.src.ops.numpy", "class_name": operation}
    return {**entry, **made, "config": {"name": config["name"]}}


def _is_place(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and value[0] != "_CONSTANT_VALUE"
        and all(isinstance(number, int) for number in value[1:3])
    )


def _old_places(value: Any) -> list[Any]:
    """All the [name, call, result] in nested lists and dictionaries."""
    if _is_place(value):
        return [value, *_old_places(value[3:])]
    if isinstance(value, list | dict):
        return [place for item in (value.values() if isinstance(value, dict) else value) for place in _old_places(item)]
    return []


def _with_places(value: Any, function: Callable[[Any], Any]) -> Any:
    if _is_place(value):
        return function(value)
    if isinstance(value, list):
        return [_with_places(item, function) for item in value]
    return value
