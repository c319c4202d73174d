"""The memory that a program needs, told before anything of it is allocated: no weights are packed for the answer."""

from __future__ import annotations

from typing import NamedTuple

from pyconv import _core
from pyconv.program.building import CoreStage, stages_of, unused_after
from pyconv.program.graph import Graph, Node
from pyconv.program.interpreter import plans_of
from pyconv.program.kinds import Pool, Resize, RowBlocks, ScaledConv
from pyconv.program.steps import pooling_of, resampling_of
from pyconv.program.storage import FLOAT


class Footprint(NamedTuple):
    """Bytes that a program needs for a batch, its input not counted."""

    activations: int  # at most at once: the arena, and the arrays between programs and calls
    packed: int  # weights in the order that convolutions read
    workspace: int  # the largest scratch memory of a step


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
                workspace = max(workspace, _workspace(node, plans, block, at_once))
    return Footprint(most, packed, workspace)


def _workspace(node: Node, plans: list[_core.ConvPlan], block: int, at_once: int) -> int:
    """The scratch memory of a step, whose convolutions have these plans; that of chains is a few KB and not counted."""
    # Threads share a step, or run it at once, each by itself; what is left over they share again.
    working = at_once if at_once > 1 else _core.get_num_threads()
    shared = max((max(plan.workspace_bytes, at_once * plan.workspace_bytes_alone) for plan in plans), default=0)
    x_shape = (block, *node.inputs[0].shape)
    match node.kind:
        case RowBlocks():
            return max(shared, _core.row_blocks_workspace(plans, node.kind.blocks))
        case ScaledConv():
            return shared + at_once * plans[0].packed_bytes
        case Pool():
            return working * pooling_of(node.kind, x_shape).scratch_bytes
        case Resize():
            return working * resampling_of(node.kind, x_shape).scratch_bytes
    return shared
