"""The memory that a program needs, told before anything of it is allocated: no weights are packed for the answer."""

from __future__ import annotations

from typing import NamedTuple

from pyconv import _core
from pyconv.program.building import CoreStage, stages_of, unused_after
from pyconv.program.graph import Graph
from pyconv.program.interpreter import plans_of
from pyconv.program.kinds import RowBlocks
from pyconv.program.storage import FLOAT


class Footprint(NamedTuple):
    """Bytes that a program needs for a batch, its input not counted."""

    activations: int  # at most at once: the arena, and the arrays between programs and calls
    packed: int  # weights in the order that convolutions read
    workspace: int  # the largest scratch memory of a convolution, or of blocks of rows


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
                plans = plans_of(node.kind, (block, *node.inputs[0].shape))
                packed += sum(plan.packed_bytes for plan in plans)
                workspace = max([workspace, *(at_once * plan.workspace_bytes for plan in plans)])
                if isinstance(node.kind, RowBlocks):
                    workspace = max(workspace, _core.row_blocks_workspace(plans, node.kind.blocks))
    return Footprint(most, packed, workspace)
