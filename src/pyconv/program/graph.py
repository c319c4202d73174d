"""A model as a program sees it: values and the nodes that make them from one another. Runs nothing, see kinds.py."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from pyconv.gradient import Array
from pyconv.program.kinds import Kind


class Value:
    """An array on its way through the program.

    Attributes:
        shape: one sample's shape; a constant's is all that it has.
        constant: the array, if it is the same for all samples and calls.
    """

    def __init__(self, shape: Sequence[int], constant: Array | None = None) -> None:
        self.shape = tuple(shape)
        self.constant = constant

    @property
    def size(self) -> int:
        """Numbers in a sample."""
        return math.prod(self.shape)

    def __repr__(self) -> str:
        return f"<Value {self.shape}{' constant' if self.constant is not None else ''}>"


class Node:
    """One step: a kind, what it reads and makes, and the names of the layers that it came from."""

    def __init__(self, kind: Kind, inputs: Iterable[Value], outputs: Iterable[Value], layers: Iterable[str]) -> None:
        self.kind = kind
        self.inputs, self.outputs = list(inputs), list(outputs)
        self.layers = tuple(layers)

    @property
    def output(self) -> Value:
        """What it makes, where that is one value."""
        (output,) = self.outputs
        return output

    def __repr__(self) -> str:
        return f"<{type(self.kind).__name__} {'+'.join(self.layers)} {self.inputs} -> {self.outputs}>"


class Graph:
    """Nodes in an order in which they can run, and the values at both ends."""

    def __init__(self, inputs: list[Value], outputs: list[Value], nodes: list[Node]) -> None:
        self.inputs, self.outputs, self.nodes = inputs, outputs, nodes

    def users(self) -> dict[Value, list[Node]]:
        """The nodes that read each value, once for each time that they do."""
        found: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for value in node.inputs:
                found.setdefault(value, []).append(node)
        return found

    def makers(self) -> dict[Value, Node]:
        """The node that makes each value."""
        return {value: node for node in self.nodes for value in node.outputs}

    def substitute(self, replaced: dict[Value, Value]) -> None:
        """Puts other values in the place of some, wherever they are read or given out."""

        def last(value: Value) -> Value:
            while value in replaced:
                value = replaced[value]
            return value

        for node in self.nodes:
            node.inputs = [last(value) for value in node.inputs]
        self.outputs = [last(value) for value in self.outputs]

    def remove(self, nodes: Iterable[Node]) -> None:
        """Takes nodes away, whose results nobody reads any more."""
        gone = {id(node) for node in nodes}
        self.nodes = [node for node in self.nodes if id(node) not in gone]


class Uses:
    """Who makes and who reads each value, asked by the passes that join two nodes."""

    def __init__(self, graph: Graph) -> None:
        self.users, self.makers = graph.users(), graph.makers()
        self._given_out = set(graph.outputs)

    def only_user(self, value: Value) -> Node | None:
        """The node that alone reads a value, once; None if there are others, or the model gives it out."""
        users = self.users.get(value, [])
        return users[0] if len(users) == 1 and value not in self._given_out else None

    def made_for(self, node: Node, value: Value) -> Node | None:
        """The node that makes a value which this node alone reads."""
        return self.makers.get(value) if self.only_user(value) is node else None
