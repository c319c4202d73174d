"""Neighbouring nodes that run as one program of the core: made for shapes when they come, kept for the next call."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pyconv import _core, config
from pyconv.gradient import Array
from pyconv.locks import Lock
from pyconv.onnx.graph import Graph, Node
from pyconv.onnx.lowering import RefusedError, function_for, lower
from pyconv.onnx.program import Call, Program
from pyconv.ops.conv_plans import Asked, noting
from pyconv.program.building import Compiled, UnforeseenError
from pyconv.program.cache import KEPT
from pyconv.program.passes import simplify

# Nodes that can't be lowered for some shapes cut a region in two, and those again; deeper than this they are called.
_MOST_CUTS = 8

_ticks = itertools.count()
CallsOf = Callable[[Sequence[Node]], list[Call]]


def calls_in_regions(
    graph: Graph, nodes: Sequence[Node], wanted: Sequence[str], calls_of: CallsOf, cuts: int = 0
) -> list[Call]:
    """Nodes as calls, those that can be lowered together as one.

    Args:
        graph: the graph that they are of.
        nodes: the nodes, in order.
        wanted: the names of what is needed of them.
        calls_of: makes calls of nodes that can't be lowered.
        cuts: how often the region that they were in has been cut.
    """
    groups: list[tuple[bool, list[Node]]] = []
    shapes = set(graph.constants)  # names of constants, and of what follows from shapes
    for node in nodes:
        of_shapes = bool(node.inputs) and not any(node.subgraphs()) and all(n in shapes for n in node.inputs if n)
        if node.op in ("Shape", "Size") or of_shapes:
            shapes.update(node.outputs)
        fits = (of_shapes or function_for(node) is not None) and cuts < _MOST_CUTS
        if not groups or groups[-1][0] != fits:
            groups.append((fits, []))
        groups[-1][1].append(node)
    calls: list[Call] = []
    read = [{name for node in group for name in node.needs()} for _, group in groups]
    for number, (fits, group) in enumerate(groups):
        needed = set(wanted).union(*read[number + 1 :])
        outputs = [name for node in group for name in node.outputs if name in needed]
        if not fits or all(name in shapes for name in outputs):
            calls += calls_of(group)
            continue
        region = Region(graph, group, outputs, calls_of, cuts)
        label = f"{group[0].label} to {group[-1].label}"
        calls.append((label, region, region.inputs, outputs))
    return calls


class Region:
    """Neighbouring nodes of a graph as one function of arrays.

    Attributes:
        inputs: the names of its arguments.
    """

    def __init__(self, graph: Graph, nodes: list[Node], outputs: list[str], calls_of: CallsOf, cuts: int) -> None:
        made = {name for node in nodes for name in node.outputs}
        read = list(dict.fromkeys(name for node in nodes for name in node.inputs if name))
        self.inputs = [name for name in read if name not in made and name not in graph.constants]
        self._graph, self._nodes, self._outputs = graph, nodes, outputs
        self._calls_of, self._cuts = calls_of, cuts
        self._called: Program | None = None
        self._entries: dict[tuple[Any, ...], Entry] = {}
        self._lock = Lock()

    def __call__(self, *arrays: Array) -> tuple[Any, ...]:
        if not config.get_programs() or not _are_batches(arrays):
            return self._one_by_one(arrays)
        shapes = tuple(array.shape[1:] for array in arrays)
        key = _core.get_isa(), config.get_precision(), shapes
        entry = self._entries.get((*key, None)) or self._entries.get((*key, len(arrays[0])))
        if entry is None or not entry.asked.is_current():
            entry = self._enter(key, [array.shape for array in arrays])
        entry.used = next(_ticks)
        try:
            return tuple(entry.runs.run(arrays))
        except UnforeseenError:
            return self._one_by_one(arrays)

    def _enter(self, key: tuple[Any, ...], shapes: list[tuple[int, ...]]) -> Entry:
        """Makes what runs for arrays of these shapes."""
        batch: int | None = None
        runs: Computed | Program
        with noting() as asked:
            try:
                found = lower(self._nodes, self.inputs, self._outputs, self._graph.constants, shapes)
                batch = shapes[0][0] if found.fixed else None
                simplify(found.graph)
                runs = Computed(Compiled(found.graph), found.outputs)
            except RefusedError as refused:
                batch, runs = shapes[0][0], self._cut(refused.place)
            except (ValueError, TypeError):
                batch, runs = shapes[0][0], self._program(self._calls_of(self._nodes))
        with self._lock:
            others = list(self._entries.items())
            if len(others) >= KEPT:
                others.remove(min(others, key=lambda item: item[1].used))
            self._entries = {**dict(others), (*key, batch): (entry := Entry(runs, asked))}
        return entry

    def _cut(self, place: int) -> Program:
        """The nodes before and after one that is called."""
        before, node, after = self._nodes[:place], self._nodes[place : place + 1], self._nodes[place + 1 :]
        later = [name for each in (*node, *after) for name in each.needs()]
        cuts = self._cuts + 1
        return self._program(
            [
                *calls_in_regions(self._graph, before, [*later, *self._outputs], self._calls_of, cuts),
                *self._calls_of(node),
                *calls_in_regions(self._graph, after, self._outputs, self._calls_of, cuts),
            ]
        )

    def _one_by_one(self, arrays: Sequence[Array]) -> tuple[Any, ...]:
        if self._called is None:
            self._called = self._program(self._calls_of(self._nodes))
        return tuple(self._called.run(arrays))

    def _program(self, calls: list[Call]) -> Program:
        return Program(self.inputs, self._outputs, self._graph.constants, calls)


class Computed(NamedTuple):
    """A program of the core, and for each result its place among the program's, or what it always is."""

    compiled: Compiled
    outputs: list[int | Array]

    def run(self, arrays: Sequence[Array]) -> list[Any]:
        """The results."""
        made = self.compiled.run(arrays)
        return [made[x] if isinstance(x, int) else x.copy() for x in self.outputs]


class Entry:
    """What runs for arrays of certain shapes, and when it last did."""

    def __init__(self, runs: Computed | Program, asked: Asked) -> None:
        self.runs = runs
        self.asked = asked
        self.used = next(_ticks)


def _are_batches(arrays: Sequence[Any]) -> bool:
    """Whether all are float32, of equally many samples."""
    return bool(arrays) and all(
        type(x) is np.ndarray and x.dtype == np.float32 and x.ndim and len(x) == len(arrays[0]) > 0 for x in arrays
    )
