"""Which values are slices of a concatenation's result, so that their makers write there and nothing is copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pyconv.program.graph import Node, Value
from pyconv.program.kinds import Chain, Concat, Conv, ConvTranspose, Pool, ScaledConv, Slice, Transpose


class View(NamedTuple):
    """A value whose pixels lie within those of another, `offset` floats from their beginnings."""

    whole: Value
    offset: int


def concat_views(nodes: Sequence[Node], fixed: Sequence[Value]) -> dict[Value, View]:
    """The values that may lie within the concatenation that reads them; `fixed` ones lie elsewhere.

    Their makers must be able to write pixels that lie apart, and all who read them to read such. The last
    concatenation is looked at first: its parts may be concatenations themselves, as in a DenseNet.
    """
    makers = {value: node for node in nodes for value in node.outputs}
    readers: dict[Value, list[Node]] = {}
    for node in nodes:
        for value in node.inputs:
            readers.setdefault(value, []).append(node)
    views: dict[Value, View] = {}
    for node in reversed(nodes):
        if not _joins_channels(node) or len(node.output.shape) == 1:
            continue
        whole, offset = views.get(node.output, View(node.output, 0))
        for value in node.inputs:
            maker = makers.get(value)
            free = value not in fixed and value not in views and node.inputs.count(value) == 1
            if free and maker and _writes_apart(maker) and all(_reads_apart(user, value) for user in readers[value]):
                views[value] = View(whole, offset)
            offset += value.shape[-1]
    return views


def _writes_apart(node: Node) -> bool:
    match node.kind:
        case Conv():
            return not node.kind.dense and len(node.inputs) == 1  # a residual lies as the result does
        case ScaledConv():
            return len(node.inputs) == 2
        case ConvTranspose() | Pool() | Chain():
            return True
    return _joins_channels(node)


def _reads_apart(node: Node, value: Value) -> bool:
    match node.kind:
        case Conv():
            return not node.kind.dense and value not in node.inputs[1:]
        case ScaledConv() | Chain():
            return value not in node.inputs[1:]
        case ConvTranspose() | Pool() | Slice() | Transpose():
            return True
    return _joins_channels(node)


def _joins_channels(node: Node) -> bool:
    return isinstance(node.kind, Concat) and node.kind.axis == len(node.output.shape) - 1
