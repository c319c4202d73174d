"""A graph as stages that run: programs of the core, and between them calls of what the core has no step for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pyconv import _core
from pyconv.gradient import Array
from pyconv.ops.arrays import contiguous
from pyconv.program.blocks import blocks_of
from pyconv.program.graph import Graph, Node, Value
from pyconv.program.interpreter import array_of, run_node
from pyconv.program.kinds import Reshape, Slice
from pyconv.program.steps import Where, add_step, has_step
from pyconv.program.storage import FLOAT, Placement, sections_of


class WrongDtypeError(Exception):
    """A call in the middle gave something else than float32: the model must run layer by layer."""


class CoreStage:
    """Nodes as one program of the core.

    Attributes:
        nodes: what it computes, in order.
        blocks: how many samples each of them takes at a time.
        round: how many samples the program takes at a time; a batch is a multiple of them.
        bytes: the memory that its values lie in, apart from its inputs and outputs.
        program: the program, once it has been built.
        step_nodes: for each step of the program the node that it is of, and how many samples it takes.
    """

    program: _core.Program

    def __init__(self, nodes: Sequence[Node], inputs: list[Value], outputs: list[Value], batch: int) -> None:
        self.inputs, self.outputs = inputs, outputs
        nodes = _with_copies(nodes, inputs, outputs)
        blocks = blocks_of(nodes, batch)
        self.round = blocks[0] if len(set(blocks)) == 1 else batch
        places = Placement(nodes, inputs, outputs, blocks, self.round)
        self.bytes = places.arena_bytes + places.kept_bytes
        self.nodes, self.blocks, self._places = nodes, blocks, places

    def build(self) -> None:
        """Makes the program, for which weights are packed."""
        given, made = ([value.size * self.round * FLOAT for value in values] for values in (self.inputs, self.outputs))
        builder = _core.ProgramBuilder(given, made, self._places.arena_bytes, self._places.kept_bytes)
        self.step_nodes: list[tuple[Node, int]] = []
        section = None
        for step, (node, block, number) in enumerate(
            zip(self.nodes, self.blocks, sections_of(self.blocks), strict=True)
        ):
            if number != section:
                builder.section(self.round // block)
                section = number
            count = add_step(node, Where(builder, self._places, step, block))
            self.step_nodes += [(node, block)] * count
        self.program = builder.build()

    def run_one(self, x: Array) -> Array:
        """The result, where there are one input and one output."""
        made = _core.empty("float32", (len(x), *self.outputs[0].shape))
        self.program.run([contiguous(x)], [made], len(x) // self.round)
        return made

    def run(self, values: dict[Value, Array], batch: int) -> None:
        given = [contiguous(values[value]) for value in self.inputs]
        made = [_core.empty("float32", (batch, *value.shape)) for value in self.outputs]
        self.program.run(given, made, batch // self.round)
        values.update(zip(self.outputs, made, strict=True))


class CallStage(NamedTuple):
    """One node that the interpreter runs on the whole batch."""

    node: Node

    @property
    def inputs(self) -> list[Value]:
        """What it reads apart from constants."""
        return [value for value in self.node.inputs if value.constant is None]

    @property
    def outputs(self) -> list[Value]:
        """What it makes."""
        return self.node.outputs

    def run(self, values: dict[Value, Array], batch: int) -> None:
        given = [array_of(value, values) for value in self.node.inputs]
        made = run_node(self.node, given)
        if any(getattr(array, "dtype", None) != "float32" or len(array) != batch for array in made):
            raise WrongDtypeError
        values.update(zip(self.node.outputs, made, strict=True))


class Compiled:
    """A graph ready to run on batches of one size.

    Attributes:
        whole: the only stage, where all of the graph is one program of one input and one output.
    """

    def __init__(self, graph: Graph, batch: int) -> None:
        self.graph, self.batch = graph, batch
        self.stages = stages_of(graph, batch)
        for stage in self.stages:
            if isinstance(stage, CoreStage):
                stage.build()
        self._unused = unused_after(self.stages, graph.outputs)
        one = len(self.stages) == len(graph.inputs) == len(graph.outputs) == 1
        first = self.stages[0] if one else None
        self.whole = first if isinstance(first, CoreStage) and first.inputs == graph.inputs else None

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """The outputs for batches in the order of the inputs; float32."""
        values: dict[Value, Any] = dict(zip(self.graph.inputs, arrays, strict=True))
        for stage, unused in zip(self.stages, self._unused, strict=True):
            stage.run(values, self.batch)
            for value in unused:
                del values[value]
        return [values[value] for value in self.graph.outputs]


def stages_of(graph: Graph, batch: int) -> list[CoreStage | CallStage]:
    """Runs of nodes that the core has steps for, not yet built, and the nodes between them."""
    groups: list[list[Node]] = []
    for node in graph.nodes:
        if groups and has_step(node) and has_step(groups[-1][-1]):
            groups[-1].append(node)
        else:
            groups.append([node])
    read_in: dict[Value, set[int]] = {}
    for number, group in enumerate(groups):
        for node in group:
            for value in node.inputs:
                read_in.setdefault(value, set()).add(number)
    stages: list[CoreStage | CallStage] = []
    for number, group in enumerate(groups):
        if not has_step(group[0]):
            stages.append(CallStage(group[0]))
            continue
        made = [value for node in group for value in node.outputs]
        inside = set(made)
        inputs = list(dict.fromkeys(v for node in group for v in node.inputs if v not in inside))
        outputs = [v for v in made if v in graph.outputs or read_in.get(v, set()) - {number}]
        stages.append(CoreStage(group, inputs, outputs, batch))
    return stages


def unused_after(stages: Sequence[CoreStage | CallStage], wanted: Sequence[Value]) -> list[list[Value]]:
    """For each stage the values that nobody needs after it."""
    last: dict[Value, int] = {}
    for number, stage in enumerate(stages):
        last.update(dict.fromkeys((*stage.inputs, *stage.outputs), number))
    return [[v for v, at in last.items() if at == number and v not in wanted] for number in range(len(stages))]


def _with_copies(nodes: Sequence[Node], inputs: list[Value], outputs: list[Value]) -> list[Node]:
    """The nodes with copies of outputs that would be views of an input or of another output."""
    roots = {value: value for value in inputs}
    for node in nodes:
        first = node.inputs[0] if isinstance(node.kind, Reshape) else node.output
        roots[node.output] = roots.get(first, first)
    taken, result = {roots[value] for value in inputs}, list(nodes)
    for value in outputs:
        if roots[value] in taken:
            (place,) = (index for index, node in enumerate(result) if node.output is value)
            view = Value(value.shape)
            old = result[place]
            result[place] = Node(old.kind, old.inputs, [view], old.layers)
            copy = Node(Slice((0,) * len(value.shape), value.shape), [view], [value], old.layers)
            result = [*result[: place + 1], copy, *result[place + 1 :]]
        taken.add(roots[value])
    return result
