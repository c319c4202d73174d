"""A pass: what depends on constants alone is computed once."""

from __future__ import annotations

import numpy as np

from pyconv.program.graph import Graph, Node, Value
from pyconv.program.interpreter import run_node
from pyconv.program.kinds import Call


def fold_constants(graph: Graph) -> int:
    """Computes nodes whose inputs are all constants; a call may do more than compute, and stays."""
    gone: list[Node] = []
    replaced: dict[Value, Value] = {}
    for node in graph.nodes:
        inputs = [replaced.get(value, value) for value in node.inputs]
        if isinstance(node.kind, Call) or any(value.constant is None for value in inputs):
            continue
        arrays = [np.asarray(value.constant)[None] for value in inputs]
        (result,) = run_node(node, arrays)
        replaced[node.output] = Value(result.shape[1:], result[0])
        gone.append(node)
    graph.substitute(replaced)
    graph.remove(gone)
    return len(gone)
