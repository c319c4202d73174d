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
from pyconv.onnx.regions import calls_in_regions


def compile_graph(graph: Graph, budget: int, outer: Sequence[str] = ()) -> Program:
    """The program of a graph and of the subgraphs in it, a step for each node or chain of them.

    Args:
        graph: the graph, which is changed.
        budget: how many bytes constants that are computed now may take.
        outer: names of the graph around it whose values follow the inputs.
    """
    fold(graph, budget, functools.partial(_function, budget=budget))
    fuse(graph)
    arrange(graph)
    _keep(graph)
    names = [*(value.name for value in graph.inputs), *outer]
    return Program(names, [value.name for value in graph.outputs], graph.constants, _calls(graph, graph.nodes, budget))


def compile_regions(graph: Graph, budget: int) -> Program:
    """The program of a graph that has been compiled, in which neighbouring nodes run at once where they can."""
    names, wanted = [value.name for value in graph.inputs], [value.name for value in graph.outputs]
    calls_of = functools.partial(_calls, graph, budget=budget)
    return Program(names, wanted, graph.constants, calls_in_regions(graph, graph.nodes, wanted, calls_of))


def _calls(graph: Graph, nodes: Sequence[Node], budget: int) -> list[Call]:
    """A call for each node, or chain of elementwise ones."""
    calls: list[Call] = []
    for chain in chains(graph, nodes):
        node = chain[-1]
        if len(chain) > 1 or is_costly(node):
            label = ", ".join(each.label for each in chain)
            calls.append((label, *chained(chain, functools.partial(_function, budget=budget)), node.outputs))
            continue
        captured = list(dict.fromkeys(name for each in node.subgraphs() for name in each.captured()))
        calls.append((node.label, _function(node, budget), [*node.inputs, *captured], node.outputs))
    return calls


def _keep(graph: Graph) -> None:
    """Brings constants into the form in which the operators want them, and drops those that nobody reads."""
    constants = graph.constants
    for node in graph.nodes:
        for place, name in enumerate(node.inputs):
            if name in constants and place in node.operator.keep:
                node.inputs[place] = new = f"{name}:{place}:{node.outputs[0]}"
                try:
                    constants[new] = node.operator.keep[place](constants[name], node.attributes)
                except ValueError as error:
                    raise InvalidModelError(f"onnx.load: {node.label}: {error}") from error
    read = {name for node in graph.nodes for name in node.needs()} | {value.name for value in graph.outputs}
    graph.constants = {name: array for name, array in constants.items() if name in read}


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
