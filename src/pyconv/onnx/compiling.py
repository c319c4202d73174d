"""From a graph to a program: constants computed, steps fused, layout chosen. Each pass is a file of its own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from pyconv.gradient import Array
from pyconv.onnx.chains import chained, chains, is_costly
from pyconv.onnx.errors import InvalidModelError
from pyconv.onnx.folding import fold
from pyconv.onnx.fusing import fuse
from pyconv.onnx.graph import Graph, Node
from pyconv.onnx.layout import arrange
from pyconv.onnx.program import Call, Program


def compile_graph(graph: Graph, budget: int, outer: Sequence[str] = ()) -> Program:
    """The program of a graph and of the subgraphs in it.

    Args:
        graph: the graph, which is changed.
        budget: how many bytes constants that are computed now may take.
        outer: names of the graph around it whose values follow the inputs.
    """
    fold(graph, budget, functools.partial(_function, budget=budget))
    fuse(graph)
    arrange(graph)
    calls: list[Call] = []
    for chain in chains(graph):
        node = chain[-1]
        if len(chain) > 1 or is_costly(node):
            label = ", ".join(each.label for each in chain)
            calls.append((label, *chained(chain, functools.partial(_function, budget=budget)), node.outputs))
            continue
        needs = [_kept(graph, node, place, name) for place, name in enumerate(node.inputs)]
        captured = list(dict.fromkeys(name for each in node.subgraphs() for name in each.captured()))
        calls.append((node.label, _function(node, budget), [*needs, *captured], node.outputs))
    names = [*(value.name for value in graph.inputs), *outer]
    return Program(names, [value.name for value in graph.outputs], graph.constants, calls)


def _kept(graph: Graph, node: Node, place: int, name: str) -> str:
    """The name of an input, in the form in which the operator wants a constant there."""
    if name not in graph.constants or place not in node.operator.keep:
        return name
    new = f"{name}:{place}:{node.outputs[0]}"
    try:
        graph.constants[new] = node.operator.keep[place](graph.constants[name], node.attributes)
    except ValueError as error:
        raise InvalidModelError(f"onnx.load: {node.label}: {error}") from error
    return new


def _function(node: Node, budget: int) -> Callable[..., Any]:
    """What a node computes from its inputs and what its subgraphs capture."""
    graphs = {name: value for name, value in node.attributes.items() if isinstance(value, Graph)}
    if not graphs:
        return node.operator.bind(node.attributes, len(node.outputs))
    captures = {name: graph.captured() for name, graph in graphs.items()}
    order = list(dict.fromkeys(name for names in captures.values() for name in names))
    programs = {name: compile_graph(graph, budget, captures[name]) for name, graph in graphs.items()}
    plain = {name: value for name, value in node.attributes.items() if name not in graphs}
    count = len(node.inputs)

    def function(*values: Any) -> Any:
        around = dict(zip(order, values[count:], strict=True))

        def body(name: str) -> Callable[[Sequence[Array]], list[Any]]:
            rest = [around[each] for each in captures[name]]
            return lambda arguments: programs[name].run([*arguments, *rest])

        bodies = {name: body(name) for name in programs}
        return node.operator.bind(plain | bodies, len(node.outputs))(*values[:count])

    return function
