"""Computes what doesn't depend on the inputs when a model is loaded, within a budget of memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconv.onnx import memory
from pyconv.onnx.graph import Graph, Node
from pyconv.onnx.program import Program

# Operators on images would have to be brought into the core's layout for this; a graph rarely has one on constants.
_LEFT = ("channels", "images")


def fold(graph: Graph, budget: int, function_of: Callable[[Node], Callable[..., Any]]) -> None:
    """Replaces nodes all of whose inputs are constants by constants.

    Args:
        graph: the graph, which is changed.
        budget: how many bytes the results may take together; what doesn't fit is computed at every call.
        function_of: a node's function.
    """
    constants, kept = graph.constants, []
    for node in graph.nodes:
        known = all(name in constants for name in node.needs()) and node.operator.layout not in _LEFT
        results = _results(node, constants, budget, function_of) if known and not any(node.subgraphs()) else None
        if results is None:
            kept.append(node)
            continue
        budget -= sum(getattr(result, "nbytes", 0) for result in results)
        constants.update((name, result) for name, result in zip(node.outputs, results, strict=True) if name)
    graph.nodes = kept


def _results(
    node: Node, constants: dict[str, Any], budget: int, function_of: Callable[[Node], Callable[..., Any]]
) -> list[Any] | None:
    wanted = [name for name in node.outputs if name]
    call = (node.label, function_of(node), node.inputs, node.outputs)
    try:
        with memory.limited(budget):
            results = iter(Program([], wanted, constants, [call]).run([]))
    except ValueError:
        return None  # the call will say what is wrong, if it ever comes to that node
    folded = [next(results) if name else None for name in node.outputs]
    if any(
        result is None or isinstance(result, list) for name, result in zip(node.outputs, folded, strict=True) if name
    ):
        return None
    return folded if sum(getattr(each, "nbytes", 0) for each in folded) <= budget else None
