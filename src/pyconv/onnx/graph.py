"""A model's graph as pyconv works on it: nodes in the order in which they can run, and constants. Reads no file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pyconv.gradient import Array
from pyconv.onnx.errors import InvalidModelError
from pyconv.onnx.registry import Operator


class Value(NamedTuple):
    """An input or output. Its shape has an integer, a name or None for each axis, or is None itself."""

    name: str
    dtype: Any
    shape: tuple[int | str | None, ...] | None


class Node:
    """A call of an operator. Inputs and outputs are names, "" for what is left out.

    Args:
        op: the operator's name.
        operator: what it computes.
        inputs: where its arguments come from.
        outputs: where its results go.
        attributes: the attributes; a subgraph is a `Graph`.
        label: how errors name it.
    """

    def __init__(
        self, op: str, operator: Operator, inputs: list[str], outputs: list[str], attributes: dict[str, Any], label: str
    ) -> None:
        self.op, self.operator, self.label = op, operator, label
        self.inputs, self.outputs, self.attributes = inputs, outputs, attributes

    def subgraphs(self) -> Iterator[Graph]:
        return (value for value in self.attributes.values() if isinstance(value, Graph))

    def needs(self) -> Iterator[str]:
        """The names of all values that it reads, those within subgraphs too."""
        yield from (name for name in self.inputs if name)
        for graph in self.subgraphs():
            yield from graph.captured()

    def __repr__(self) -> str:
        return f"{self.label}: {', '.join(self.inputs)} -> {', '.join(self.outputs)}"


class Graph:
    """Nodes between inputs and outputs.

    Args:
        inputs: what it is given.
        outputs: what it gives.
        nodes: its nodes, in any order.
        constants: values known beforehand, by name.

    Raises:
        InvalidModelError: if a name means two things, or a node needs its own result.
    """

    def __init__(
        self, inputs: list[Value], outputs: list[Value], nodes: list[Node], constants: dict[str, Array]
    ) -> None:
        self.inputs, self.outputs, self.constants = inputs, outputs, constants
        names = [*(value.name for value in inputs), *constants]
        names += [name for node in nodes for name in node.outputs if name]
        if len(set(names)) < len(names):
            (twice, _), *_ = Counter(names).most_common(1)
            raise InvalidModelError(f"onnx.load: the name {twice!r} stands for two values of a graph.")
        self.nodes = _sorted(nodes)
        self.prune()

    def names(self) -> set[str]:
        """Everything that has a name here."""
        made = {name for node in self.nodes for name in node.outputs}
        return made | set(self.constants) | {value.name for value in self.inputs}

    def captured(self) -> list[str]:
        """The names that it reads from the graph around it."""
        own = self.names()
        needed = [name for node in self.nodes for name in node.needs()] + [value.name for value in self.outputs]
        return list(dict.fromkeys(name for name in needed if name not in own))

    def prune(self) -> None:
        """Drops the nodes whose results nobody needs."""
        needed = {value.name for value in self.outputs}
        kept = []
        for node in reversed(self.nodes):
            if needed.intersection(node.outputs):
                kept.append(node)
                needed.update(node.needs())
        self.nodes = kept[::-1]


def _sorted(nodes: list[Node]) -> list[Node]:
    """The nodes, each after those whose results it needs; files should have them so, and nearly all do."""
    maker = {name: node for node in nodes for name in node.outputs if name}
    waiting = {id(node): {id(maker[name]) for name in node.needs() if name in maker} for node in nodes}
    users: dict[int, list[Node]] = {}
    for node in nodes:
        for parent in waiting[id(node)]:
            users.setdefault(parent, []).append(node)
    order: list[Node] = []
    ready = [node for node in reversed(nodes) if not waiting[id(node)]]
    while ready:
        order.append(node := ready.pop())
        for user in reversed(users.get(id(node), [])):
            waiting[id(user)].discard(id(node))
            if not waiting[id(user)]:
                ready.append(user)
    if len(order) < len(nodes):
        stuck = next(node for node in nodes if waiting[id(node)])
        raise InvalidModelError(f"onnx.load: the graph has a cycle through {stuck.label}.")
    return order


def consumers(nodes: Iterable[Node]) -> dict[str, list[Node]]:
    """The nodes that read each value."""
    found: dict[str, list[Node]] = {}
    for node in nodes:
        for name in node.needs():
            found.setdefault(name, []).append(node)
    return found
