"""Batch normalisation with the rectifier behind it, and a sum between the two, as one operation of training.

It goes over memory once where three layers go three times. Not for prediction, where programs join more than that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from pyconv import activations
from pyconv.gradient import Array, recording
from pyconv.layers.calling import calls
from pyconv.ops.conv_plans import Activation
from pyconv.symbolic import KerasTensor, Node

if TYPE_CHECKING:
    from pyconv.layers.batch_normalization import BatchNormalization
    from pyconv.layers.layer import Layer


class Call(NamedTuple):
    """A step of a graph: what is called with which tensors, as a node has it, for one node or for several."""

    operation: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: list[KerasTensor]
    outputs: Any


class RectifiedNormalization:
    """Stands for the layers norm, add (or none) and rectifier, each of which nothing but the next one reads."""

    def __init__(self, norm: BatchNormalization, add: Layer | None, rectifier: Layer) -> None:
        self._norm, self._add, self._rectifier = norm, add, rectifier

    def __call__(self, x: Array, *residual: Array) -> Array:
        activation = _activation(self._rectifier)
        if recording() and calls().training and activation and self._norm.joins(x, *residual):
            return self._norm.rectified(x, activation, *residual)
        y = self._norm(x)
        result: Array = self._rectifier(y if self._add is None else self._add([y, *residual]))
        return result


def joined(nodes: list[Node], outputs: list[KerasTensor]) -> list[Call]:
    """The calls of a graph with such outputs, in an order in which they can be made: its nodes, some joined."""
    reads = Counter(id(tensor) for tensor in outputs)
    for node in nodes:
        reads.update(id(tensor) for tensor in node.inputs)
    inside = {id(node) for node in nodes}
    calls: dict[int, Call] = {}  # by their last nodes, at which all tensors are there that they read

    def is_part(node: Node | None, name: str) -> TypeGuard[Node]:
        """Whether it is a call of pyconv's layer of that name whose result is read once."""
        return node is not None and id(node) in inside and _is_call(node, name) and reads[id(node.outputs)] == 1

    for node in nodes:
        calls[id(node)] = Call(node.operation, node.args, node.kwargs, node.inputs, node.outputs)
        if not (_is_call(node, "ReLU") or _is_call(node, "Activation")):
            continue
        before = node.inputs[0].node
        add = before if is_part(before, "Add") and len(before.inputs) == 2 else None
        norms = [tensor.node for tensor in (node if add is None else add).inputs]
        norm = next((each for each in norms if is_part(each, "BatchNormalization")), None)
        if norm is None:
            continue
        inputs = norm.inputs + [tensor for tensor in (add.inputs if add else ()) if tensor.node is not norm]
        operation = RectifiedNormalization(norm.operation, add.operation if add else None, node.operation)
        for part in (norm, add):
            calls.pop(id(part), None)
        calls[id(node)] = Call(operation, tuple(inputs), {}, inputs, node.outputs)
    return list(calls.values())


def _is_call(node: Node, name: str) -> bool:
    """By the name, not by the class, whose import a model that has no such layer does without."""
    layer, kind = node.operation, type(node.operation)
    is_layer = kind.__name__ == name and kind.__module__.startswith("pyconv.layers.")
    return is_layer and len(node.args) == 1 and not node.kwargs and layer.activity_regularizer is None


def _activation(rectifier: Any) -> Activation | None:
    """What the core is to apply, None if it is something else."""
    if type(rectifier).__name__ == "Activation":
        name = activations.fused(rectifier.activation)
        return name if name in ("relu", "relu6") else None
    if rectifier.negative_slope or rectifier.threshold or rectifier.max_value not in (None, 6):
        return None
    return "relu" if rectifier.max_value is None else "relu6"
