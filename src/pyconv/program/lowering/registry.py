"""How layers and operations say what nodes they are: a function for each class, found by its name.

A layer needs none: without one it becomes a call of the layer itself, which is always right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.program.elementwise import is_known, kind_of
from pyconv.program.graph import Node, Value
from pyconv.program.kinds import Kind, Reshape, Transpose
from pyconv.program.shapes import result_shape
from pyconv.variable import Variable


class NotLoweredError(Exception):
    """The model, or this part of it, runs layer by layer."""


class Lowering:
    """The nodes so far, and what has been read for them: when it changes the program is made anew."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.variables: dict[int, Variable] = {}
        self.layers: list[Any] = []
        self.called: list[Any] = []  # layers and operations that run as they are
        self.models: list[tuple[Any, Any]] = []  # models inside and the graphs that they had
        self.label = ""  # the layer that is being lowered

    def read(self, variable: Variable | None) -> Array | None:
        """A weight's numbers, None where there is no weight."""
        if variable is None:
            return None
        if variable.dtype != np.float32:
            raise NotLoweredError
        self.variables[id(variable)] = variable
        return variable.value

    def add(self, kind: Kind, *inputs: Value, shape: Sequence[int] | None = None) -> Value:
        """Appends a node and returns what it makes."""
        made = result_shape(kind, [value.shape for value in inputs]) if shape is None else tuple(shape)
        output = Value(made)
        self.nodes.append(Node(kind, inputs, [output], (self.label,)))
        return output

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        """The same numbers in another shape."""
        return x if x.shape == tuple(shape) else self.add(Reshape(), x, shape=shape)

    def activate(self, activation: Any, x: Value) -> Value:
        """An activation's result; raises NotLoweredError for one that has no kind of its own."""
        if not is_known(activation):
            raise NotLoweredError
        kind = kind_of(activation)
        return x if kind is None else self.add(kind, x)


# (lowering, layer, its inputs) -> its result; raises NotLoweredError where the layer must be called.
Lowers = Callable[[Lowering, Any, list[Value]], Value]
_LAYERS: dict[str, Lowers] = {}
# (lowering, the operation's settings, its arguments) -> its result.
_OPERATIONS: dict[str, Lowers] = {}


def lowers(*classes: str) -> Callable[[Lowers], Lowers]:
    """Registers a function for layers of these classes' names."""

    def register(function: Lowers) -> Lowers:
        _LAYERS.update(dict.fromkeys(classes, function))
        return function

    return register


def lowers_spatial(*classes: str) -> Callable[[Lowers], Lowers]:
    """The same for layers on images: the function sees channels last, whatever the layer's data_format is."""

    def register(function: Lowers) -> Lowers:
        def on_channels_last(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
            if layer.data_format != "channels_first":
                return function(to, layer, inputs)
            if getattr(layer, "activation", None) is not None and not _acts_alike(layer.activation):
                raise NotLoweredError
            rank = len(inputs[0].shape)
            last = to.add(Transpose((*range(1, rank), 0)), inputs[0])
            y = function(to, layer, [last])
            return to.add(Transpose((rank - 1, *range(rank - 1))), y) if len(y.shape) == rank else y

        _LAYERS.update(dict.fromkeys(classes, on_channels_last))
        return function

    return register


def lowers_operation(*names: str) -> Callable[[Lowers], Lowers]:
    """Registers a function for operations of `pyconv.ops` of these names."""

    def register(function: Lowers) -> Lowers:
        _OPERATIONS.update(dict.fromkeys(names, function))
        return function

    return register


def function_for_layer(layer: Any) -> Lowers | None:
    """What lowers a layer: pyconv's own, of float32, as its class made it. None for any other."""
    cls = type(layer)
    own = cls.__module__.startswith(("pyconv.layers.", "pyconv.applications."))
    plain = own and layer.dtype == "float32" and layer.activity_regularizer is None and layer.built
    return _LAYERS.get(cls.__name__) if plain and not vars(layer).keys() & {"call", "__call__"} else None


def function_for_operation(name: str) -> Lowers | None:
    """What lowers an operation of `pyconv.ops`, None if nothing does."""
    return _OPERATIONS.get(name)


def constant(array: Any) -> Value:
    """A value that is the same for all samples."""
    numbers = np.asarray(array, np.float32)
    return Value(numbers.shape, numbers)


def _acts_alike(activation: Any) -> bool:
    """Whether an activation treats each number by itself, so that the order of axes doesn't matter."""
    return is_known(activation) and type(kind_of(activation)).__name__ != "Softmax"
