"""How many samples each step takes at a time: few where activations are large, all where weights are. Runs nothing."""

from __future__ import annotations

from collections.abc import Sequence

from pyconv.program.graph import Node
from pyconv.program.kinds import Conv


def blocks_of(nodes: Sequence[Node], batch: int) -> list[int]:
    """The samples that each node takes at a time, a divisor of the batch."""
    return [batch for _ in nodes]


def weight_bytes(node: Node) -> int:
    """Bytes of the weights that a node reads."""
    return node.kind.weights.nbytes if isinstance(node.kind, Conv) else 0
