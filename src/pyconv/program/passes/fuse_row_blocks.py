"""A pass: depthwise convolutions run together with their neighbours, block of rows after block of rows."""

from __future__ import annotations

import math

from pyconv import _core
from pyconv.ops.conv_plans import plan_for
from pyconv.program.blocks import takes_batch
from pyconv.program.graph import Graph, Node, Uses
from pyconv.program.interpreter import problem_of
from pyconv.program.kinds import Conv, RowBlocks
from pyconv.program.storage import FLOAT

# Bytes between convolutions that stay in a core's L2 cache: half of 1 MiB; the other half is for weights, and for what
# the first reads and the last writes. Where all of it stays there, blocks gain nothing. MobileNetV2's steps of
# 112 x 112 pixels took 0.88 times as long in blocks, those of 28 x 28 and 14 x 14 as long as before, but threads wait
# for each other once instead of thrice.
_CACHED = 2**19
# Images have rows and columns.
_SPATIAL = 2


def fuse_row_blocks(graph: Graph) -> int:
    """Joins each depthwise convolution with the one that is made for it, and with the only one that reads it."""
    uses, gone = Uses(graph), list[Node]()
    for node in graph.nodes:
        if not _is_depthwise(node) or any(node is other for other in gone):
            continue
        before, after = uses.made_for(node, node.inputs[0]), uses.only_user(node.output)
        run = [node]
        if before is not None and _fits(before) and len(before.inputs) == 1:
            run.insert(0, before)
        if after is not None and _fits(after) and after.inputs[0] is node.output:
            run.append(after)
        blocks = _blocks(run)
        if len(run) == 1 or blocks == 1:
            continue
        last = run[-1]
        last.inputs = [run[0].inputs[0], *last.inputs[1:]]
        last.layers = tuple(layer for each in run for layer in each.layers)
        last.kind = RowBlocks(tuple(each.kind for each in run if isinstance(each.kind, Conv)), blocks)
        gone += run[:-1]
    graph.remove(gone)
    return len(gone)


def _is_depthwise(node: Node) -> bool:
    kind = node.kind
    return (
        _fits(node) and isinstance(kind, Conv) and len(node.inputs) == 1 and kind.groups == kind.weights.shape[-1] > 1
    )


def _fits(node: Node) -> bool:
    """Whether a node is a convolution of images whose results don't depend on where an image is cut."""
    kind = node.kind
    if not isinstance(kind, Conv) or kind.dense or takes_batch(node) or len(node.output.shape) != _SPATIAL + 1:
        return False
    return plan_for(_core.get_isa(), "forward", problem_of(kind, (1, *node.inputs[0].shape))).plain_sums


def _blocks(run: list[Node]) -> int:
    """Into how many blocks to cut the rows; 1 where all that lies between the convolutions stays in the cache."""
    between = sum(node.output.size for node in run[:-1]) * FLOAT
    threads = _core.get_num_threads()
    if between <= _CACHED:
        return 1
    blocks = math.ceil(between / _CACHED)
    return min(math.ceil(blocks / threads) * threads, run[-1].output.shape[0])
