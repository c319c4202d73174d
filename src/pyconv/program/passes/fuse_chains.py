"""A pass: operations on each number that follow one another are joined into chains, each one pass over memory."""

from __future__ import annotations

import numpy as np

from pyconv.program.graph import Graph, Node, Uses, Value
from pyconv.program.kinds import Binary, Chain, Link, Operand, Unary

# Klambauer and others' constants of selu, arXiv:1706.02515.
_SELU = (1.6732632423543772, 1.0507009873554805)
# The operation of the core, and its numbers, where they aren't the node's own.
_LINKS = {
    "relu6": Link("clip", alpha=0.0, beta=6.0),
    "selu": Link("elu", alpha=_SELU[0], beta=_SELU[1]),
    "hard_sigmoid": Link("hard_sigmoid", alpha=1 / 6, beta=0.5),
}


def fuse_chains(graph: Graph) -> int:
    """Makes chains of Unary and Binary nodes, and one of two where the first is made for the second alone."""
    for node in graph.nodes:
        chain = _chain_of(node)
        if chain is not None:
            node.kind, node.inputs = chain
    uses, gone = Uses(graph), []
    for node in graph.nodes:
        if not isinstance(node.kind, Chain):
            continue
        _begin_with_own(uses, node)
        before = uses.made_for(node, node.inputs[0])
        if before is None or not isinstance(before.kind, Chain):
            continue
        node.kind = Chain(before.kind.links + node.kind.links)
        for value in before.inputs:
            uses.users[value] = [node if user is before else user for user in uses.users[value]]
        node.inputs, node.layers = before.inputs + node.inputs[1:], before.layers + node.layers
        gone.append(before)
    graph.remove(gone)
    return len(gone)


def _chain_of(node: Node) -> tuple[Chain, list[Value]] | None:
    """The node as a chain of one link, and its inputs; None where it is none."""
    kind = node.kind
    if isinstance(kind, Unary):
        numbers = (*kind.numbers, *((1.0,) if kind.function == "elu" else ()))
        link = _LINKS.get(kind.function) or Link(kind.function, "none", *numbers)
        return (Chain((link,)), node.inputs) if node.inputs[0].shape else None
    if not isinstance(kind, Binary) or not node.output.shape:
        return None
    first, second = node.inputs
    for source, other, reversed_ in ((first, second, False), (second, first, True)):
        operand = _operand(other, source) if source.constant is None and source.shape == node.output.shape else None
        if operand is not None:
            op = f"r{kind.function}" if reversed_ and kind.function in ("sub", "div") else kind.function
            link = _link(op, operand, other)
            return Chain((link,)), [source] if other.constant is not None else [source, other]
    return None


def _operand(value: Value, source: Value) -> Operand | None:
    """How a value is met by the numbers of another; None where no link can."""
    shape = (1,) * (len(source.shape) - len(value.shape)) + value.shape
    per_channel = all(size == 1 for size in shape[:-1]) and shape[-1] == source.shape[-1]
    if value.constant is not None:
        return "number" if value.size == 1 else "channels" if per_channel else None
    if shape == source.shape:
        return "tensor"
    if per_channel:
        return "image_channels"
    return "pixels" if shape == (*source.shape[:-1], 1) else None


def _link(op: str, operand: Operand, value: Value) -> Link:
    if value.constant is None:
        return Link(op, operand)
    if operand == "number":
        return Link(op, operand, float(value.constant.reshape(-1)[0]))
    return Link(op, operand, vector=np.ascontiguousarray(value.constant.reshape(-1)))


def _begin_with_own(uses: Uses, node: Node) -> None:
    """Of two arrays of one shape the chain begins with the one that another chain makes for it."""
    kind = node.kind
    assert isinstance(kind, Chain)
    first = kind.links[0]
    if first.operand != "tensor" or len(kind.links) > 1 or node.inputs[0] is node.inputs[1]:
        return
    makers = [uses.made_for(node, value) for value in node.inputs]
    if not isinstance(makers[0] and makers[0].kind, Chain) and isinstance(makers[1] and makers[1].kind, Chain):
        swapped = {"sub": "rsub", "rsub": "sub", "div": "rdiv", "rdiv": "div"}.get(first.op, first.op)
        node.kind, node.inputs = Chain((first._replace(op=swapped),)), node.inputs[::-1]
