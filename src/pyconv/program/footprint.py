"""The memory that a program needs, told before anything of it is allocated: no weights are packed for the answer."""

from __future__ import annotations

from typing import NamedTuple

from pyconv import _core
from pyconv.ops.conv_plans import plan_for
from pyconv.program.building import CoreStage, stages_of, unused_after
from pyconv.program.graph import Graph
from pyconv.program.interpreter import problem_of
from pyconv.program.kinds import convolutions
from pyconv.program.storage import FLOAT


class Footprint(NamedTuple):
    """Bytes that a program needs for a batch, its input not counted."""

    activations: int  # at most at once: the arena, and the arrays between programs and calls
    packed: int  # weights in the order that convolutions read
    workspace: int  # the largest scratch memory of a convolution


def footprint(graph: Graph, batch: int) -> Footprint:
    """What the program of a simplified graph will need."""
    stages, threads = stages_of(graph), _core.get_num_threads()
    alive = most = packed = workspace = 0
    for stage, unused in zip(stages, unused_after(stages, graph.outputs), strict=True):
        alive += sum(value.size for value in stage.outputs) * batch * FLOAT
        at_once = 1
        if isinstance(stage, CoreStage):
            block = stage.block(batch)
            at_once = min(threads, batch // block)  # each thread has an arena of its own
            most = max(most, alive + at_once * stage.places(block).bytes)
        most = max(most, alive)
        alive -= sum(value.size for value in unused if value not in graph.inputs) * batch * FLOAT
        if isinstance(stage, CoreStage):
            for node in stage.nodes:
                shape = block, *node.inputs[0].shape
                for conv in convolutions(node.kind):
                    plan = plan_for(_core.get_isa(), "forward", problem_of(conv, shape))
                    packed += plan.packed_bytes
                    workspace = max(workspace, at_once * plan.workspace_bytes)
                    shape = plan.dst_shape
    return Footprint(most, packed, workspace)
