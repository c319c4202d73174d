"""A pass: orders of axes are carried along until they cancel, so that channels-first models run with channels last."""

from __future__ import annotations

import numpy as np

from pyconv.program.graph import Graph, Node, Value
from pyconv.program.kinds import Binary, Concat, Pad, Reshape, Slice, Transpose, Unary

Axes = tuple[int, ...]


def cancel_transposes(graph: Graph) -> int:
    """Moves transposes behind what doesn't mind the order of axes; returns how many fewer there are in the end."""
    before = _count(graph)
    walk = _Walk()
    for node in graph.nodes:
        walk.take(node)
    graph.outputs = [walk.plain(value) for value in graph.outputs]
    graph.nodes = walk.nodes
    return before - _count(graph)


class _Walk:
    """The new nodes, and the values that are others with their axes in another order."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._views: dict[Value, tuple[Value, Axes]] = {}
        self._made: dict[tuple[Value, Axes], Value] = {}  # those that somebody needed as they are

    def take(self, node: Node) -> None:
        """Adds a node, on values whose axes are as they were made where it can be computed on them."""
        if isinstance(node.kind, Transpose):
            base, axes = self._base(node.inputs[0])
            self._views[node.output] = base, tuple(axes[axis] for axis in node.kind.axes)
            return
        axes = next((self._base(value)[1] for value in node.inputs if value in self._views), ())
        moved = self._moved(node, axes) if axes != tuple(range(len(axes))) else None
        if moved is None:
            self.nodes.append(Node(node.kind, map(self.plain, node.inputs), node.outputs, node.layers))
            return
        self.nodes.append(moved)
        self._views[node.output] = moved.output, axes

    def plain(self, value: Value) -> Value:
        """The value itself, for which a transpose is made if there is none yet."""
        if value not in self._views:
            return value
        base, axes = self._base(value)
        if axes == tuple(range(len(axes))):
            return base
        if (base, axes) not in self._made:
            self._made[base, axes] = output = Value(value.shape)
            longer = [axis for axis in axes if base.shape[axis] != 1]  # no number moves if these keep their order
            self.nodes.append(Node(Transpose(axes) if longer != sorted(longer) else Reshape(), [base], [output], ()))
        return self._made[base, axes]

    def _base(self, value: Value) -> tuple[Value, Axes]:
        """What a value is with its axes in another order, and that order."""
        return self._views.get(value, (value, tuple(range(len(value.shape)))))

    def _moved(self, node: Node, axes: Axes) -> Node | None:
        """The node computed before the transpose instead of after it, None if it can't be."""
        kind, inverse = node.kind, tuple(np.argsort(axes).tolist())
        match kind:
            case Unary() | Binary():
                pass
            case Concat():
                kind = Concat(axes[kind.axis])
            case Pad():
                kind = kind._replace(pads=tuple(kind.pads[axis] for axis in inverse))
            case Slice():
                kind = Slice(*(tuple(ends[axis] for axis in inverse) for ends in kind))
            case _:
                return None
        inputs: list[Value] = []
        for value in node.inputs:
            if value.constant is not None:
                spread = value.constant.reshape((1,) * (len(axes) - len(value.shape)) + value.shape)
                numbers = spread.transpose(inverse)
                inputs.append(Value(numbers.shape, numbers) if value.shape else value)
            elif self._base(value)[1] == axes:
                inputs.append(self._base(value)[0])
            else:
                return None
        shape = tuple(node.output.shape[axis] for axis in inverse)
        return Node(kind, inputs, [Value(shape)], node.layers)


def _count(graph: Graph) -> int:
    return sum(isinstance(node.kind, Transpose) for node in graph.nodes)
