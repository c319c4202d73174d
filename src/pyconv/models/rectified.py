"""Rectifiers of training beside what lies before and behind them, so that they go over less memory.

Not for prediction, where programs join more than that.
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


_RECTIFIERS = ("ReLU", "Activation")
_CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D")
_MAX_POOLING = ("MaxPooling1D", "MaxPooling2D", "MaxPooling3D")


class Call(NamedTuple):
    """A step of a graph: what is called with which tensors, as a node has it, for one node or for several."""

    operation: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: list[KerasTensor]
    outputs: Any


class RectifiedNormalization:
    """Stands for the layers norm, add (or none) and rectifier, each of which nothing but the next one reads.

    One pass over memory instead of three.
    """

    def __init__(self, norm: BatchNormalization, add: Layer | None, rectifier: Layer) -> None:
        self._norm, self._add, self._rectifier = norm, add, rectifier

    def __call__(self, x: Array, *residual: Array) -> Array:
        activation = _activation(self._rectifier)
        if recording() and calls().training and activation and self._norm.joins(x, *residual):
            return self._norm.rectified(x, activation, *residual)
        y = self._norm(x)
        result: Array = self._rectifier(y if self._add is None else self._add([y, *residual]))
        return result


class RectifiedPooling:
    """Stands for a rectifier, or a convolution that ends with one, and the maximum pooling that alone reads it.

    The largest of rectified numbers is the largest one, rectified: of what is pooled there is a quarter as much. Nor do
    the gradients change, for where the largest isn't let through, none is.
    """

    def __init__(self, rectifier: Any, pooling: Layer) -> None:
        self._rectifier, self._pooling = rectifier, pooling

    def __call__(self, x: Array) -> Array:
        rectifier, pooling = self._rectifier, self._pooling
        is_late = recording() and calls().training and _activation(rectifier) is not None
        result: Array
        if is_late and type(rectifier).__name__ in _RECTIFIERS:
            result = rectifier(pooling(x))
        elif is_late and rectifier.takes_as_it_is(x):
            result = rectifier.activation(pooling(rectifier.linear(x)))
        else:
            result = pooling(rectifier(x))
        return result


def joined(nodes: list[Node], outputs: list[KerasTensor]) -> list[Call]:
    """The calls of a graph with such outputs, in an order in which they can be made: its nodes, some joined."""
    joining = _Joining(nodes, outputs)
    for node in nodes:
        joining.calls[id(node)] = Call(node.operation, node.args, node.kwargs, node.inputs, node.outputs)
        if _is_call(node, *_MAX_POOLING):
            joining.pooling(node)
        elif _is_call(node, *_RECTIFIERS):
            joining.normalization(node)
    return list(joining.calls.values())


class _Joining:
    """The calls of a graph while some are joined with those before them."""

    def __init__(self, nodes: list[Node], outputs: list[KerasTensor]) -> None:
        self.calls: dict[int, Call] = {}  # by their last nodes, at which all tensors are there that they read
        self._inside = {id(node) for node in nodes}
        self._reads = Counter(id(tensor) for tensor in outputs)
        for node in nodes:
            self._reads.update(id(tensor) for tensor in node.inputs)

    def pooling(self, node: Node) -> None:
        """With a rectifier that isn't joined with what lies before it, or a convolution."""
        before = node.inputs[0].node
        if not self._is_part(before, *_RECTIFIERS, *_CONVOLUTIONS):
            return
        if self.calls[id(before)].operation is before.operation:
            operation = RectifiedPooling(before.operation, node.operation)
            self._join([before], node, operation, before.inputs)

    def normalization(self, node: Node) -> None:
        """A rectifier with a batch normalisation, and a sum between the two."""
        before = node.inputs[0].node
        add = before if self._is_part(before, "Add") and len(before.inputs) == 2 else None
        norms = [tensor.node for tensor in (node if add is None else add).inputs]
        norm = next((each for each in norms if self._is_part(each, "BatchNormalization")), None)
        if norm is None:
            return
        inputs = norm.inputs + [tensor for tensor in (add.inputs if add else ()) if tensor.node is not norm]
        operation = RectifiedNormalization(norm.operation, add.operation if add else None, node.operation)
        self._join([norm] if add is None else [norm, add], node, operation, inputs)

    def _is_part(self, node: Node | None, *names: str) -> TypeGuard[Node]:
        """Whether it is a call of pyconv's layer of such a name whose result is read once."""
        if node is None or id(node) not in self._inside:
            return False
        return _is_call(node, *names) and self._reads[id(node.outputs)] == 1

    def _join(self, parts: list[Node], node: Node, operation: Callable[..., Any], inputs: list[KerasTensor]) -> None:
        for part in parts:
            del self.calls[id(part)]
        self.calls[id(node)] = Call(operation, tuple(inputs), {}, inputs, node.outputs)


def _is_call(node: Node, *names: str) -> bool:
    """By the name, not by the class, whose import a model that has no such layer does without."""
    layer, kind = node.operation, type(node.operation)
    is_layer = kind.__name__ in names and kind.__module__.startswith("pyconv.layers.")
    return is_layer and len(node.args) == 1 and not node.kwargs and layer.activity_regularizer is None


def _activation(rectifier: Any) -> Activation | None:
    """What the core is to apply, None if it is something else."""
    if type(rectifier).__name__ != "ReLU":
        name = activations.fused(rectifier.activation)
        return name if name in ("relu", "relu6") else None
    if rectifier.negative_slope or rectifier.threshold or rectifier.max_value not in (None, 6):
        return None
    return "relu" if rectifier.max_value is None else "relu6"
