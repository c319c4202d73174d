"""Nodes of an ONNX graph as the graph of a program, for inputs of known shapes. What runs it is in regions.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx import memory
from pyconv.onnx.graph import Node
from pyconv.onnx.lowering import elementwise, rows, shaping, windows  # noqa: F401 - they register what they lower
from pyconv.onnx.lowering.registry import Samples, function_for, lowered
from pyconv.program.graph import Graph, Value
from pyconv.program.lowering.registry import NotLoweredError

__all__ = ["Lowered", "RefusedError", "function_for", "lower"]

# What a program computes from shapes alone is small; larger constants are made at each call, as before.
_MOST_BYTES = 2**20


class RefusedError(Exception):
    """A node can't be part of a program for these shapes: the one at `place`."""

    def __init__(self, place: int) -> None:
        super().__init__(place)
        self.place = place


class Lowered(NamedTuple):
    """A graph, and what has been found with it."""

    graph: Graph
    outputs: list[int | Array]  # for each output its place among the graph's, or what it always is
    fixed: bool  # whether it is for batches of this size alone


def lower(
    nodes: Sequence[Node],
    inputs: Sequence[str],
    outputs: Sequence[str],
    constants: dict[str, Any],
    shapes: Sequence[tuple[int, ...]],
) -> Lowered:
    """The graph that computes outputs from float32 inputs of these shapes, the same number of samples in each.

    Raises:
        RefusedError: if a node can't be lowered, or refuses what it would get.
    """
    batch = shapes[0][0]
    to = Samples(batch)
    given = [Value(shape[1:]) for shape in shapes]
    known: dict[str, Any] = {**constants, **dict(zip(inputs, given, strict=True)), "": None}
    for place, node in enumerate(nodes):
        arguments = [known[name] for name in node.inputs]
        try:
            results = _results(to, node, arguments)
        except (NotLoweredError, ValueError, TypeError, IndexError, KeyError, ArithmeticError, MemoryError):
            # What an operator refuses it refuses again, in its own words, when it is called.
            raise RefusedError(place) from None
        known.update(zip(node.outputs, results, strict=False))
    found = [known[name] for name in outputs]
    made = list(dict.fromkeys(x for x in found if isinstance(x, Value)))
    places = [made.index(x) if isinstance(x, Value) else x for x in found]
    return Lowered(Graph(given, made, to.nodes), places, to.fixed)


def _results(to: Samples, node: Node, arguments: list[Any]) -> Sequence[Any]:
    if any(isinstance(x, Value) for x in arguments):
        results = lowered(to, node, arguments)
        results = results if isinstance(results, tuple) else (results,)
        for x in results:
            memory.checked(to.whole(x) if isinstance(x, Value) else x.shape)
        return results
    with memory.limited(_MOST_BYTES):
        computed = node.operator.bind(node.attributes, len(node.outputs))(*arguments)
    return [np.asarray(x) for x in (computed if isinstance(computed, tuple) else (computed,))]
