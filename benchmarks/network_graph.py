"""A whole network as a list of operations, read from an ONNX file that network_folding.py made. Runs nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper, shape_inference

WINDOWED = ("Conv", "MaxPool", "AveragePool")
# What a file has to name its ends.
INPUT, OUTPUT = "x", "y"


@dataclass
class Node:
    op: str
    inputs: list[str]
    output: str
    attributes: dict[str, Any]


class Axis(NamedTuple):
    """What a window does on one spatial axis."""

    size: int
    result: int
    window: int
    stride: int
    dilation: int
    pads: tuple[int, int]

    def reach(self) -> int:
        """Where the last window ends, counted from the image's first pixel."""
        return (self.result - 1) * self.stride + (self.window - 1) * self.dilation + 1 - self.pads[0]


@dataclass
class Graph:
    """Nodes in an order in which they can run, from `INPUT` to `OUTPUT`; constants are what no node makes."""

    nodes: list[Node]
    constants: dict[str, NDArray[Any]]
    input_shape: list[Any]  # the first is "batch" until it is set
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def users(self) -> Counter[str]:
        return Counter(name for node in self.nodes for name in node.inputs)

    def axes(self, node: Node) -> list[Axis]:
        """The two spatial axes of a node with a window."""
        sizes, results = self.shapes[node.inputs[0]][2:], self.shapes[node.output][2:]
        windows, strides, pads = node.attributes["kernel_shape"], node.attributes["strides"], node.attributes["pads"]
        dilations = node.attributes.get("dilations", [1, 1])
        columns = zip(sizes, results, windows, strides, dilations, zip(pads[:2], pads[2:], strict=True), strict=True)
        return [Axis(*column) for column in columns]


def read(path: Path, batch: int) -> Graph:
    """A file of `simplified`, with the shapes of everything in it for so many images."""
    proto = onnx.load(str(path))
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch
    graph = parsed(proto)
    inferred = shape_inference.infer_shapes(proto).graph
    for value in (*inferred.input, *inferred.value_info, *inferred.output):
        graph.shapes[value.name] = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
    for node in graph.nodes:
        if node.op in WINDOWED:
            node.attributes["pads"] = _reached(graph.axes(node))
    return graph


def _reached(axes: Sequence[Axis]) -> list[int]:
    """The pads without what no window reaches."""
    return [*(axis.pads[0] for axis in axes), *(max(axis.reach() - axis.size, 0) for axis in axes)]


def parsed(proto: Any) -> Graph:
    def value(attribute: Any) -> Any:
        found = helper.get_attribute_value(attribute)
        return found.decode() if isinstance(found, bytes) else found

    nodes = [
        Node(node.op_type, list(node.input), node.output[0], {a.name: value(a) for a in node.attribute})
        for node in proto.graph.node
    ]
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    shape = [dim.dim_param or dim.dim_value for dim in proto.graph.input[0].type.tensor_type.shape.dim]
    return Graph(nodes, constants, shape)


def mirrored(graph: Graph) -> Graph:
    """The network that computes from images turned round in both axes what this one does from them as they are.

    Where pads differ, they change sides: some libraries have a form for the one side, and some for the other.
    """
    constants, nodes = dict(graph.constants), []
    for node in graph.nodes:
        attributes, inputs = dict(node.attributes), list(node.inputs)
        if "pads" in attributes:
            attributes["pads"] = [*attributes["pads"][2:], *attributes["pads"][:2]]
        if node.op in ("Conv", "ConvTranspose"):
            inputs[1] = f"{node.inputs[1]}/mirrored"
            constants[inputs[1]] = np.ascontiguousarray(graph.constants[node.inputs[1]][:, :, ::-1, ::-1])
        nodes.append(Node(node.op, inputs, node.output, attributes))
    return Graph(nodes, constants, graph.input_shape, graph.shapes)


def as_liked(graph: Graph, likes: Callable[[Sequence[Axis]], bool]) -> tuple[Graph, bool]:
    """The graph, or the mirrored one where a library likes the pads of more of its windows; and whether it is that."""
    flat = [graph.shapes[node.inputs[0]] for node in graph.nodes if node.op == "Flatten"]
    axes = [axis for node in graph.nodes if node.op in WINDOWED for axis in graph.axes(node)]
    # Where something looks at where in the image a number lies, or windows would begin inside of it, there is no other.
    if any(math.prod(shape[2:]) > 1 for shape in flat) or any(axis.reach() < axis.size for axis in axes):
        return graph, False
    both = [graph, mirrored(graph)]
    liked = [sum(likes(one.axes(node)) for node in one.nodes if node.op in WINDOWED) for one in both]
    return both[liked[1] > liked[0]], liked[1] > liked[0]


def join_silu(graph: Graph) -> None:
    """X times its sigmoid as one node, "Silu", for libraries that have it; ONNX doesn't."""
    used, makers, kept = graph.users(), {node.output: node for node in graph.nodes}, []
    for node in graph.nodes:
        gates = [makers[name] for name in node.inputs if name in makers and makers[name].op == "Sigmoid"]
        gates = [gate for gate in gates if gate.inputs[0] in node.inputs and used[gate.output] == 1]
        if node.op == "Mul" and gates:
            kept.remove(gates[0])
            node = Node("Silu", gates[0].inputs, node.output, {})  # noqa: PLW2901
        kept.append(node)
    graph.nodes = kept
