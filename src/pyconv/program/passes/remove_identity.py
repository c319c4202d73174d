"""A pass: nodes that change nothing are left out."""

from __future__ import annotations

from pyconv.program.graph import Graph, Node, Value
from pyconv.program.kinds import Concat, Pad, Reshape, Slice, Transpose
from pyconv.program.passes.constants import affine_of


def remove_identity(graph: Graph) -> int:
    """Leaves out products with one, sums with zero, and moves, borders and shapes that are as before."""
    idle = [node for node in graph.nodes if node.inputs and _changes_nothing(node)]
    graph.substitute({node.output: _source(node) for node in idle})
    graph.remove(idle)
    return len(idle)


def _source(node: Node) -> Value:
    return next(value for value in node.inputs if value.constant is None)


def _changes_nothing(node: Node) -> bool:
    (x, *others), kind = node.inputs, node.kind
    match kind:
        case Pad():
            return not any(any(pair) for pair in kind.pads)
        case Transpose():
            return kind.axes == tuple(range(len(kind.axes)))
        case Reshape() | Slice():
            return node.output.shape == x.shape
        case Concat():
            return not others
    if all(value.constant is not None for value in node.inputs):
        return False
    affine = next((affine_of(node, value) for value in node.inputs if value.constant is None), None)
    return affine is not None and bool((affine[0] == 1).all()) and not affine[1].any()
