"""A graph as stages that run: programs of the core, and between them calls of what the core has no step for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from pyconv import _core
from pyconv.gradient import Array
from pyconv.locks import Lock
from pyconv.ops.arrays import contiguous
from pyconv.program.blocks import takes_batch
from pyconv.program.graph import Graph, Node, Value
from pyconv.program.interpreter import array_of, run_node
from pyconv.program.kinds import Conv, ConvTranspose, Reshape, RowBlocks, ScaledConv, Slice, convolutions
from pyconv.program.memory import Span, arrange
from pyconv.program.steps import Where, add_step, has_step
from pyconv.program.storage import FLOAT, Placement


class UnforeseenError(Exception):
    """A call in the middle gave another shape than was known, or not float32: the model must run layer by layer."""


# Programs that a stage keeps for whole batches, each with packed weights: two sizes, a full batch and the last one.
_KEPT = 2


class Built(NamedTuple):
    """A program of the core, and for each of its steps the node that it is of."""

    program: _core.Program
    block: int  # how many samples it takes at a time
    step_nodes: list[Node]


class CoreStage:
    """Nodes as one program of the core: for samples one by one, or for whole batches, a program for each size of them.

    Attributes:
        nodes: what it computes, in order.
        takes_batch: whether it takes whole batches.
    """

    def __init__(self, nodes: Sequence[Node], inputs: list[Value], outputs: list[Value]) -> None:
        self.inputs, self.outputs = inputs, outputs
        self.takes_batch = takes_batch(nodes[0])
        self.nodes = _with_copies(nodes, inputs, outputs)
        self._lock = Lock()
        self._built: dict[int, Built] = {}

    def block(self, batch: int) -> int:
        """How many samples of a batch it takes at a time."""
        return batch if self.takes_batch else 1

    def places(self, block: int) -> Placement:
        """Where its values lie."""
        return Placement(self.nodes, self.inputs, self.outputs, block)

    def built(self, batch: int) -> Built:
        """The program for a batch, made with its packed weights if need be."""
        block = self.block(batch)
        found = self._built.get(block)
        if found is None:
            with self._lock:
                found = self._built.get(block) or self._build(block)
                if len(self._built) >= _KEPT:
                    del self._built[next(iter(self._built))]
                self._built[block] = found
        return found

    def run(self, values: dict[Value, Array], batch: int) -> None:
        built = self.built(batch)
        given = [contiguous(values[value]) for value in self.inputs]
        made = [_core.empty("float32", (batch, *value.shape)) for value in self.outputs]
        built.program.run(given, made, batch // built.block)
        values.update(zip(self.outputs, made, strict=True))

    def _build(self, block: int) -> Built:
        places = self.places(block)
        given, made = ([value.size * block * FLOAT for value in values] for values in (self.inputs, self.outputs))
        builder = _core.ProgramBuilder(given, made, places.bytes)
        step_nodes: list[Node] = []
        for node in self.nodes:
            step_nodes += [node] * add_step(node, Where(builder, places, block))
        program = builder.build()
        if not self.takes_batch:
            for node in self.nodes:  # the program has the weights, in its own order
                if isinstance(node.kind, (Conv, ConvTranspose)):
                    node.kind = _without_weights(node.kind)
                elif isinstance(node.kind, ScaledConv):
                    node.kind = ScaledConv(_without_weights(node.kind.conv))
                elif isinstance(node.kind, RowBlocks):
                    node.kind = node.kind._replace(convs=tuple(map(_without_weights, node.kind.convs)))
        return Built(program, block, step_nodes)


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
        shapes = [(batch, *value.shape) for value in self.outputs]
        if any(getattr(y, "dtype", None) != "float32" or y.shape != s for y, s in zip(made, shapes, strict=True)):
            raise UnforeseenError
        values.update(zip(self.node.outputs, made, strict=True))


class Compiled:
    """A graph ready to run on batches of any size.

    Attributes:
        in_core: whether programs of the core alone lead from its only input to its only output.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.stages = stages_of(graph)
        for stage in self.stages:
            if isinstance(stage, CoreStage):
                stage.built(1)
        self._unused = unused_after(self.stages, graph.outputs)
        made = [value for stage in self.stages for value in stage.outputs]
        self.in_core = (
            len(graph.inputs) == len(graph.outputs) == 1
            and graph.outputs[0] in made
            and all(isinstance(stage, CoreStage) for stage in self.stages)
        )

    def unpacked(self) -> Iterator[Array]:
        """The weights that stages still read in their own order."""
        for stage in self.stages:
            if isinstance(stage, CoreStage) and stage.takes_batch:
                yield from (conv.weights for node in stage.nodes for conv in convolutions(node.kind))

    def bound(self, x: Array) -> _core.BoundRun:
        """`run_one` for batches of this size, where all is in the core."""
        return self._sequence(len(x)).bind(x.shape, (len(x), *self.graph.outputs[0].shape))

    def run_one(self, x: Array, out: Array | None = None) -> Array:
        """The only output for the only input, where all is in the core; `out` if that is given."""
        made = _core.empty("float32", (len(x), *self.graph.outputs[0].shape)) if out is None else out
        self._sequence(len(x)).run(contiguous(x), made)
        return made

    def _sequence(self, batch: int) -> _core.ProgramSequence:
        """The stages as one call of the core."""
        stages = [stage for stage in self.stages if isinstance(stage, CoreStage)]
        values = [self.graph.inputs[0], self.graph.outputs[0]]
        values += [value for stage in stages for value in stage.outputs if value not in values]
        numbers = {value: number for number, value in enumerate(values)}
        spans = [
            Span(value.size * batch * FLOAT, made, max([made, *_readers(stages, value)]))
            for made, stage in enumerate(stages)
            for value in stage.outputs
            if value is not values[1]
        ]
        layout = arrange(spans)
        parts = []
        for stage in stages:
            built = stage.built(batch)
            parts.append((built.program, batch // built.block, [numbers[v] for v in (*stage.inputs, *stage.outputs)]))
        arrays = zip((v.size * batch * FLOAT for v in values), [0, 0, *layout.offsets], strict=True)
        return _core.ProgramSequence(parts, list(arrays), layout.bytes)

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """The outputs for batches in the order of the inputs; float32."""
        if self.in_core:
            return [self.run_one(arrays[0])]
        values: dict[Value, Any] = dict(zip(self.graph.inputs, arrays, strict=True))
        for stage, unused in zip(self.stages, self._unused, strict=True):
            stage.run(values, len(arrays[0]))
            for value in unused:
                del values[value]
        return [values[value] for value in self.graph.outputs]


def stages_of(graph: Graph) -> list[CoreStage | CallStage]:
    """Runs of nodes that the core has steps for, not yet built, and the nodes between them."""
    groups: list[list[Node]] = []
    for node in graph.nodes:
        before = groups[-1][-1] if groups else None
        if before and has_step(node) and has_step(before) and _at_once(node, groups[-1]):
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
        stages.append(CoreStage(group, inputs, outputs))
    return stages


def _readers(stages: Sequence[CoreStage], value: Value) -> Iterator[int]:
    """The numbers of the stages that read a value."""
    return (number for number, stage in enumerate(stages) if value in stage.inputs)


def _without_weights(conv: Any) -> Any:
    """It with zeros that take no memory."""
    return conv._replace(weights=np.broadcast_to(np.float32(0), conv.weights.shape))


def _at_once(node: Node, group: list[Node]) -> bool:
    """Whether a node takes samples as those of a group do."""
    return takes_batch(node) == takes_batch(group[0])


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
