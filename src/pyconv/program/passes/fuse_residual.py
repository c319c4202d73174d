"""A pass: a convolution adds the other operand of the sum that follows it before it writes its results."""

from __future__ import annotations

from pyconv.program.graph import Graph, Node, Uses, Value
from pyconv.program.kinds import Binary, Conv


def fuse_residual(graph: Graph) -> int:
    """Puts a convolution in the place of the sum that alone reads its result; of two the one that runs later."""
    uses = Uses(graph)
    places = {id(node): place for place, node in enumerate(graph.nodes)}
    gone: list[Node] = []
    for node in graph.nodes:
        if not isinstance(node.kind, Binary) or node.kind.function != "add":
            continue
        makers = [maker for value in node.inputs if (maker := _convolution(uses, node, value)) is not None]
        if not makers:
            continue
        conv = max(makers, key=lambda maker: places[id(maker)])
        (other,) = (value for value in node.inputs if value is not conv.output)
        # The sum becomes the convolution: there all that it reads has been made.
        node.kind, node.layers = conv.kind, conv.layers + node.layers
        node.inputs = [conv.inputs[0], other]
        gone.append(conv)
    graph.remove(gone)
    return len(gone)


def _convolution(uses: Uses, node: Node, value: Value) -> Node | None:
    """What makes an operand, if it is a convolution that can take the other one."""
    first, second = node.inputs
    maker = uses.made_for(node, value)
    fits = first is not second and first.shape == second.shape and first.constant is None and second.constant is None
    if maker is None or not fits or not isinstance(maker.kind, Conv):
        return None
    return maker if maker.kind.activation == "linear" and len(maker.inputs) == 1 else None
