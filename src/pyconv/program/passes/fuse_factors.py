"""A pass: squeeze-and-excitation's product goes into the weights of the convolution that reads it."""

from __future__ import annotations

from pyconv import _core
from pyconv.ops.conv_plans import plan_for
from pyconv.program.blocks import takes_batch
from pyconv.program.graph import Graph, Node, Uses, Value
from pyconv.program.interpreter import problem_of
from pyconv.program.kinds import Chain, Conv, Link, ScaledConv

# Images must have so many times the numbers of the weights: these are read and written in each run, and may come from
# beyond the cache that the images are still in.
_LARGER = 4


def fuse_factors(graph: Graph) -> int:
    """Lets a convolution multiply its weights by the numbers that its images alone would be multiplied by."""
    uses, gone = Uses(graph), list[Node]()
    for node in graph.nodes:
        before = uses.made_for(node, node.inputs[0]) if isinstance(node.kind, Conv) else None
        if before is None or not isinstance(before.kind, Chain) or not isinstance(node.kind, Conv):
            continue
        if before.kind.links == (Link("mul", "image_channels"),) and _pays(node, node.kind, before.inputs[0]):
            node.kind, node.layers = ScaledConv(node.kind), before.layers + node.layers
            node.inputs = [*before.inputs, *node.inputs[1:]]
            gone.append(before)
    graph.remove(gone)
    return len(gone)


def _pays(node: Node, conv: Conv, x: Value) -> bool:
    if conv.dense or takes_batch(node) or x.size < _LARGER * conv.weights.size:
        return False
    return plan_for(_core.get_isa(), "forward", problem_of(conv, (1, *x.shape))).can_scale
