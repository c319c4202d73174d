"""How many axes a value has, where that follows from the graph. What the file says of its own values isn't trusted."""

from __future__ import annotations

from pyconv.gradient import Array
from pyconv.onnx.graph import Node

# Operators whose result has as many axes as their first input, beside those whose layout says so.
_SAME = {"Expand", "CumSum", "ScatterND", "ScatterElements", "Tile", "Trilu", "GatherElements"}
_SAME_LAYOUTS = {"axis", "channels", "elementwise", "images", "pad", "slice", "transpose"}


def rank_of(node: Node, ranks: dict[str, int], constants: dict[str, Array]) -> None:
    """Notes the numbers of axes of a node's results in `ranks`, if they are known."""
    inputs = [ranks.get(name) for name in node.inputs if name]
    known = [each for each in inputs if each is not None]
    first = inputs[0] if inputs else None
    rank: int | None = None
    if node.operator.layout in _SAME_LAYOUTS or node.op in _SAME - {"Expand"}:
        rank = first
    elif node.operator.layout == "broadcast" or node.op == "Expand":
        rank = max(known) if known and len(known) == len(inputs) and node.op != "Expand" else None
    elif node.operator.layout == "reduction":
        rank = first if node.attributes.get("keepdims", 1) else None
    elif node.op == "Reshape" and len(node.inputs) > 1 and node.inputs[1] in constants:
        rank = constants[node.inputs[1]].size
    elif node.op in ("Flatten", "Gemm"):
        rank = 2
    elif node.op == "MatMul" and len(inputs) == 2 and len(known) == 2 and min(known) > 1:
        rank = max(known)
    elif node.op == "Gather" and len(inputs) == 2 and first is not None and inputs[1] is not None:
        rank = first - 1 + inputs[1]
    elif node.op in ("Squeeze", "Unsqueeze") and first is not None:
        axes = node.attributes.get("axes")
        if len(node.inputs) > 1 and node.inputs[1] in constants:
            axes = constants[node.inputs[1]].ravel().tolist()
        rank = None if axes is None else first + len(axes) * (1 if node.op == "Unsqueeze" else -1)
    if rank is not None:
        ranks.update(dict.fromkeys((name for name in node.outputs if name), rank))
