"""The layout of images, chosen once for a whole graph: between convolutions, channels stay last.

ONNX' images are (N, C, *spatial), those of pyconv's core (N, *spatial, C). Each value of a graph is needed in one of
the two forms or in both. Going through the nodes in order, the rule of each operator (its `layout`) says which form it
takes and gives; where a value isn't there in that form, a node that changes it is put in, once. Values of fewer than
three axes are the same in both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx.graph import Graph, Node
from pyconv.onnx.ranks import rank_of
from pyconv.onnx.registry import Operator
from pyconv.ops import shapes

SUFFIX = ":last"  # of the name of a value whose channels come last


def to_last(x: Array) -> Array:
    """(N, C, *spatial) as (N, *spatial, C); what has no spatial axes as it is."""
    if x.ndim < 3:
        return x
    if x.dtype in (np.float32, np.float64):
        return shapes.channels_last(x)
    return np.ascontiguousarray(np.moveaxis(x, 1, -1))


def to_first(x: Array) -> Array:
    """(N, *spatial, C) as (N, C, *spatial); what has no spatial axes as it is."""
    if x.ndim < 3:
        return x
    if x.dtype in (np.float32, np.float64):
        return shapes.channels_first(x)
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def last_axis(axis: int, rank: int) -> int:
    """Where an axis of (N, C, *spatial) is when the channels come last."""
    axis = axis + rank if axis < 0 else axis
    return axis if axis == 0 or rank < 3 else rank - 1 if axis == 1 else axis - 1


def order_last(rank: int) -> tuple[int, ...]:
    """The axes of (N, C, *spatial) in the order of (N, *spatial, C).

    Example:
    >>> from pyconv.onnx.layout import order_last
    >>> order_last(4)
    (0, 2, 3, 1)
    """
    return (0, *range(2, rank), 1) if rank > 2 else tuple(range(rank))


# They have names of their own, for they aren't ONNX' Transpose without its attribute.
_CHANGES = {
    "ChannelsLast": Operator(to_last, 1, "as_is", {}),
    "ChannelsFirst": Operator(to_first, 1, "as_is", {}),
}


def arrange(graph: Graph) -> None:
    """Chooses the form of every value of a graph and rewrites its nodes accordingly."""
    work = Arrangement(graph)
    for node in graph.nodes:
        _RULES[node.operator.layout](node, work)
    for value in graph.outputs:
        work.first(value.name)
    graph.nodes = work.nodes
    graph.prune()


class Arrangement:
    """What is known on the way through the nodes: the forms in which values are there, and their numbers of axes."""

    def __init__(self, graph: Graph) -> None:
        self.constants = graph.constants
        self.nodes: list[Node] = []
        self.ranks: dict[str, int] = {name: array.ndim for name, array in graph.constants.items()}
        self.ranks |= {each.name: len(each.shape) for each in graph.inputs if each.shape is not None}
        self._there = {*graph.constants, *graph.captured(), *(each.name for each in graph.inputs)}

    def is_last(self, name: str) -> bool:
        """Whether the value is there with its channels last."""
        return name + SUFFIX in self._there

    def last(self, name: str) -> str:
        """The name of the value with its channels last, made if it isn't there."""
        if not name or self.ranks.get(name, 3) < 3:
            return name
        return self._form(name, name + SUFFIX, "ChannelsLast", "to channels last", name)

    def first(self, name: str) -> str:
        """The name of the value as ONNX has it, made if it isn't there."""
        if not name or name in self._there or not self.is_last(name):
            return name
        return self._form(name, name, "ChannelsFirst", "to channels first", name + SUFFIX)

    def constant(self, name: str, array: Array) -> str:
        """The name of a new constant, made for the use in one node."""
        new = f"{name}:{len(self.constants)}"
        self.constants[new] = array
        self.ranks[new] = array.ndim
        self._there.add(new)
        return new

    def append(self, node: Node, inputs: list[str], last: bool, attributes: dict[str, Any] | None = None) -> None:
        """Appends a node with other inputs; `last` says in which form its results are."""
        rank_of(node, self.ranks, self.constants)
        outputs = [name + SUFFIX if last and name and self.ranks.get(name, 3) > 2 else name for name in node.outputs]
        self._there.update(outputs)
        attributes = node.attributes if attributes is None else attributes
        self.nodes.append(Node(node.op, node.operator, inputs, outputs, attributes, node.label))

    def _form(self, name: str, wanted: str, op: str, what: str, source: str) -> str:
        if wanted not in self._there:
            self._there.add(wanted)
            self.nodes.append(Node(op, _CHANGES[op], [source], [wanted], {}, f"{name!r} {what}"))
        return wanted


Rule = Callable[[Node, Arrangement], None]


def _as_is(node: Node, work: Arrangement) -> None:
    """Images as ONNX has them; values that subgraphs read too."""
    for name in node.needs():
        work.first(name)
    work.append(node, [work.first(name) for name in node.inputs], last=False)


def _channels(node: Node, work: Arrangement) -> None:
    """The first input is images with channels last, and so are the results."""
    image, *others = node.inputs
    work.append(node, [work.last(image), *map(work.first, others)], last=True)


def _images(node: Node, work: Arrangement) -> None:
    """The first two inputs are such images."""
    work.append(node, [*map(work.last, node.inputs[:2]), *map(work.first, node.inputs[2:])], last=True)


def _elementwise(node: Node, work: Arrangement) -> None:
    """Each result depends on one element of the first input: either form will do."""
    image, *others = node.inputs
    last = work.is_last(image)
    work.append(node, [work.last(image) if last else work.first(image), *map(work.first, others)], last)


def _broadcast(node: Node, work: Arrangement) -> None:
    """Each result depends on one element of every input, which are broadcast against each other."""
    ranks = [work.ranks.get(name) for name in node.inputs]
    known = [rank for rank in ranks if rank is not None]
    rank = max(known, default=0)
    fits = len(known) == len(ranks) and all(
        mine in (0, rank) or name in work.constants for name, mine in zip(node.inputs, ranks, strict=True)
    )
    if not (fits and any(map(work.is_last, node.inputs))):
        return _as_is(node, work)
    inputs = []
    for name in node.inputs:
        array = work.constants.get(name)
        if array is None:
            inputs.append(work.last(name))
        elif array.size == 1 and array.ndim < rank:
            inputs.append(name)
        else:
            whole = array.reshape((1,) * (rank - array.ndim) + array.shape)
            inputs.append(work.constant(name, np.ascontiguousarray(whole.transpose(order_last(rank)))))
    return work.append(node, inputs, last=True)


def _axis(node: Node, work: Arrangement) -> None:
    """The attribute `axis` names an axis; the inputs have equally many, the results too."""
    rank = work.ranks.get(node.inputs[0])
    axis = node.attributes.get("axis", _DEFAULT_AXES.get(node.op, 0))
    if rank is None or not any(map(work.is_last, node.inputs)) or not -rank <= axis < rank:
        return _as_is(node, work)
    count = len(node.inputs) if node.op == "Concat" else 1
    inputs = [*map(work.last, node.inputs[:count]), *map(work.first, node.inputs[count:])]
    return work.append(node, inputs, True, node.attributes | {"axis": last_axis(axis, rank)})


_DEFAULT_AXES = {"Softmax": -1, "LogSoftmax": -1, "Hardmax": -1}


def _reduction(node: Node, work: Arrangement) -> None:
    """Reduces along `axes`, an attribute or the second input, and keeps them."""
    name = node.inputs[0]
    rank = work.ranks.get(name)
    axes = node.attributes.get("axes")
    if len(node.inputs) > 1 and node.inputs[1] in work.constants:
        axes = tuple(work.constants[node.inputs[1]].ravel().tolist())
    if rank is None or not work.is_last(name) or not axes or not node.attributes.get("keepdims", 1):
        return _as_is(node, work)
    if not all(-rank <= axis < rank for axis in axes):
        return _as_is(node, work)
    moved = tuple(last_axis(axis, rank) for axis in axes)
    if "axes" in node.attributes:
        return work.append(node, [work.last(name)], True, node.attributes | {"axes": moved})
    return work.append(node, [work.last(name), work.constant(node.inputs[1], np.array(moved))], last=True)


def _transpose(node: Node, work: Arrangement) -> None:
    """Another order of axes, which takes the place of bringing the channels back."""
    name = node.inputs[0]
    perm, rank = node.attributes.get("perm"), work.ranks.get(name)
    if rank is None or not work.is_last(name) or (perm is not None and sorted(perm) != list(range(rank))):
        return _as_is(node, work)
    order = tuple(last_axis(axis, rank) for axis in perm or reversed(range(rank)))
    return work.append(node, [work.last(name)], False, {"perm": order})


def _pad(node: Node, work: Arrangement) -> None:
    """Pads that are constants, for all axes."""
    name, *others = node.inputs
    rank = work.ranks.get(name)
    pads = work.constants.get(others[0]) if others else node.attributes.get("pads")
    if rank is None or not work.is_last(name) or pads is None or len(pads) != 2 * rank or any(others[2:]):
        return _as_is(node, work)
    moved = np.asarray(pads).reshape(2, rank)[:, order_last(rank)].ravel()
    if not others:
        return work.append(node, [work.last(name)], True, node.attributes | {"pads": tuple(moved.tolist())})
    inputs = [work.last(name), work.constant(others[0], moved), *map(work.first, others[1:])]
    return work.append(node, inputs, last=True)


def _slice(node: Node, work: Arrangement) -> None:
    """A slice along constant axes."""
    name, *others = node.inputs
    rank = work.ranks.get(name)
    axes = work.constants.get(others[2]) if len(others) > 2 else None
    if rank is None or not work.is_last(name) or axes is None or not all(-rank <= axis < rank for axis in axes.ravel()):
        return _as_is(node, work)
    moved = np.array([last_axis(int(axis), rank) for axis in axes.ravel()])
    start, end, _, *steps = map(work.first, others)
    return work.append(node, [work.last(name), start, end, work.constant(others[2], moved), *steps], last=True)


_RULES: dict[str, Rule] = {
    "as_is": _as_is,
    "axis": _axis,
    "broadcast": _broadcast,
    "channels": _channels,
    "elementwise": _elementwise,
    "images": _images,
    "pad": _pad,
    "reduction": _reduction,
    "slice": _slice,
    "transpose": _transpose,
}
