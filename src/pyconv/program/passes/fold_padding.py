"""A pass: a border of zeros becomes pads of the convolution behind it, or where that is the same, of the pooling."""

from __future__ import annotations

from pyconv.program.graph import Graph, Node, Uses
from pyconv.program.kinds import Conv, Pad, Pool, Unary

# Functions whose results are never negative.
_NOT_NEGATIVE = ("relu", "relu6", "sigmoid", "hard_sigmoid", "exp", "abs", "square", "sqrt", "softplus")


def fold_padding(graph: Graph) -> int:
    """Folds zeros round an image into the one window that slides over them."""
    uses, gone = Uses(graph), []
    for node in graph.nodes:
        if not isinstance(node.kind, Conv | Pool) or (isinstance(node.kind, Conv) and node.kind.dense):
            continue
        before = uses.made_for(node, node.inputs[0])
        if before is None or not isinstance(before.kind, Pad) or before.kind.value != 0 or any(before.kind.pads[-1]):
            continue
        added = before.kind.pads[:-1]
        if isinstance(node.kind, Pool) and not _same_without_zeros(node.kind, added, uses.makers.get(before.inputs[0])):
            continue
        pads = tuple((b + p, a + q) for (b, a), (p, q) in zip(node.kind.pads, added, strict=True))
        node.kind = node.kind._replace(pads=pads)
        node.inputs[0], node.layers = before.inputs[0], before.layers + node.layers
        gone.append(before)
    graph.remove(gone)
    return len(gone)


def _same_without_zeros(kind: Pool, pads: tuple[tuple[int, int], ...], maker: Node | None) -> bool:
    """Whether the zeros may be left out of the maxima: no number is less than zero, and each window holds one."""
    not_negative = maker is not None and (
        (isinstance(maker.kind, Unary) and maker.kind.function in _NOT_NEGATIVE)
        or (isinstance(maker.kind, Conv) and maker.kind.activation in ("relu", "relu6"))
    )
    sizes = zip(pads, kind.window, strict=True)
    within = all(before < window and after < window for (before, after), window in sizes)
    plain = not any(any(pair) for pair in kind.pads)
    return kind.kind == "max" and not_negative and within and plain
