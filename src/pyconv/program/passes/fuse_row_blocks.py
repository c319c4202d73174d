"""A pass: depthwise convolutions run together with their neighbours, block of rows after block of rows."""

from __future__ import annotations

import math
from typing import NamedTuple

from pyconv import _core
from pyconv.ops.conv_plans import plan_for
from pyconv.program.blocks import takes_batch
from pyconv.program.graph import Graph, Node, Uses
from pyconv.program.interpreter import problem_of
from pyconv.program.kinds import Chain, Conv, Link, RowBlocks
from pyconv.program.storage import FLOAT

# Bytes between convolutions that stay in a core's L2 cache: half of 1 MiB; the other half is for weights, and for what
# the first reads and the last writes. Where all of it stays there, blocks gain nothing. MobileNetV2's steps of
# 112 x 112 pixels took 0.88 times as long in blocks, those of 28 x 28 and 14 x 14 as long as before, but threads wait
# for each other once instead of thrice.
_CACHED = 2**19
# Images have rows and columns.
_SPATIAL = 2


class Stage(NamedTuple):
    """A convolution, and the chain that its result alone goes through."""

    conv: Node
    chain: Node | None

    @property
    def last(self) -> Node:
        return self.chain or self.conv

    @property
    def links(self) -> tuple[Link, ...]:
        return self.chain.kind.links if self.chain and isinstance(self.chain.kind, Chain) else ()


def fuse_row_blocks(graph: Graph) -> int:
    """Joins each depthwise convolution with the one that is made for it, and with the only one that reads it."""
    uses, gone = Uses(graph), list[Node]()
    for node in graph.nodes:
        if not _is_depthwise(node) or any(node is other for other in gone):
            continue
        run = _around(uses, node)
        blocks = _blocks(run)
        if len(run) == 1 or blocks == 1:
            continue
        last = run[-1].last
        last.inputs = [run[0].conv.inputs[0], *run[-1].conv.inputs[1:]]
        nodes = [each for stage in run for each in stage if each is not None]
        last.layers = tuple(layer for each in nodes for layer in each.layers)
        convs = tuple(stage.conv.kind for stage in run if isinstance(stage.conv.kind, Conv))
        last.kind = RowBlocks(convs, tuple(stage.links for stage in run), blocks)
        gone += nodes[:-1]
    graph.remove(gone)
    return len(gone)


def _around(uses: Uses, node: Node) -> list[Stage]:
    """A depthwise convolution with those of its neighbours that can run with it."""
    middle = _stage(uses, node)
    maker = uses.made_for(node, node.inputs[0])
    if maker is not None and _is_alone(maker):
        maker = uses.made_for(maker, maker.inputs[0])
    run = [middle]
    if maker is not None and _fits(maker) and len(maker.inputs) == 1:
        run.insert(0, _stage(uses, maker))
    after = uses.only_user(middle.last.output)
    if after is not None and _fits(after) and after.inputs[0] is middle.last.output:
        run.append(_stage(uses, after))
    return run


def _stage(uses: Uses, conv: Node) -> Stage:
    user = uses.only_user(conv.output)
    return Stage(conv, user if user is not None and _is_alone(user) else None)


def _is_alone(node: Node) -> bool:
    """Whether it is a chain that reads no arrays but the one that it changes."""
    return isinstance(node.kind, Chain) and all(link.operand in ("none", "number") for link in node.kind.links)


def _is_depthwise(node: Node) -> bool:
    kind = node.kind
    alone = _fits(node) and len(node.inputs) == 1
    return alone and isinstance(kind, Conv) and kind.groups == kind.weights.shape[-1] > 1


def _fits(node: Node) -> bool:
    """Whether a node is a convolution of images whose results don't depend on where an image is cut."""
    kind = node.kind
    if not isinstance(kind, Conv) or kind.dense or takes_batch(node) or len(node.output.shape) != _SPATIAL + 1:
        return False
    return plan_for(_core.get_isa(), "forward", problem_of(kind, (1, *node.inputs[0].shape))).plain_sums


def _blocks(run: list[Stage]) -> int:
    """Into how many blocks to cut the rows; 1 where all that lies between the convolutions stays in the cache.

    And 1 where the weights, which each block reads again, don't.
    """
    weights = sum(stage.conv.kind.weights.nbytes for stage in run if isinstance(stage.conv.kind, Conv))
    between = sum(stage.conv.output.size for stage in run[:-1]) * FLOAT
    threads = _core.get_num_threads()
    if between <= _CACHED or weights > _CACHED:
        return 1
    blocks = math.ceil(between / _CACHED)
    return min(math.ceil(blocks / threads) * threads, run[-1].conv.output.shape[0])
