"""Elementwise steps that follow one another, computed block by block, so that what lies between stays in the cache.

Exporters write x * clip(x + 3, 0, 6) / 6 as four nodes, which one by one would carry whole images to memory and back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx import memory
from pyconv.onnx.graph import Graph, Node, consumers

# Numbers a block: with two or three results between, as float32, they fit the 1 to 2 MB of a core's second cache, and
# a call of NumPy's, about 1 us, is small beside the 10 us that such a block takes.
_BLOCK = 2**16
_LEAST = 2**12  # below that the calls cost more than the numbers
_PLAIN = ("Cast", "Dropout", "Identity", "Neg", "Relu")


class Link(NamedTuple):
    """One function of a chain: its arguments are places among the chain's inputs, and after them its results."""

    function: Callable[..., Any]
    arguments: tuple[int, ...]


def chains(graph: Graph, nodes: Sequence[Node]) -> list[list[Node]]:
    """Some of a graph's nodes in order, in lists of those computed together; what one hands on, nobody else needs."""
    users = consumers(graph.nodes)
    own = {id(node) for node in nodes}
    kept = {value.name for value in graph.outputs}
    follower: dict[int, Node] = {}
    taken: set[int] = set()
    for node in nodes:
        if _fits(node, graph) and node.outputs[0] not in kept:
            following = list({id(user): user for user in users.get(node.outputs[0], [])}.values())
            last = following[0] if len(following) == 1 else None
            if last and id(last) in own - taken and _fits(last, graph):
                follower[id(node)] = last
                taken.add(id(last))
    before = {id(last): node for node in nodes if (last := follower.get(id(node))) is not None}
    found = []
    for node in nodes:
        if id(node) in follower:
            continue  # it stands where the last of its chain does
        chain = [node]
        while (earlier := before.get(id(chain[0]))) is not None:
            chain.insert(0, earlier)
        found.append(chain)
    return found


def is_costly(node: Node) -> bool:
    """Whether a single node goes through its numbers several times, so that blocks are worth while."""
    layout, alone = node.operator.layout, len(node.inputs) == 1 and len(node.outputs) == 1
    return (layout == "elementwise" and alone and node.op not in _PLAIN) or (layout, node.op) == ("broadcast", "PRelu")


def _fits(node: Node, graph: Graph) -> bool:
    """Whether each result depends on the elements at its place; what an elementwise node has beside is one number."""
    if len(node.outputs) != 1 or node.operator.layout not in ("broadcast", "elementwise"):
        return False
    settings = node.inputs[1:] if node.operator.layout == "elementwise" else []
    return all(not name or (name in graph.constants and graph.constants[name].size == 1) for name in settings)


def chained(
    nodes: Sequence[Node], function_of: Callable[[Node], Callable[..., Any]]
) -> tuple[Callable[..., Array], list[str]]:
    """A chain as one step: the function to its last result, and the names of what that is given."""
    made = {node.outputs[0] for node in nodes}
    names = list(dict.fromkeys(name for node in nodes for name in node.inputs if name not in made))
    places = {name: place for place, name in enumerate(names)}
    links = []
    for node in nodes:
        links.append(Link(function_of(node), tuple(places[name] for name in node.inputs)))
        places[node.outputs[0]] = len(places)

    def function(*arrays: Any) -> Array:
        return _computed(links, arrays)

    return function, names


def _computed(links: Sequence[Link], arrays: Sequence[Any]) -> Array:
    """The last link's result, in blocks if every array is a whole image, a row of its channels, or one number."""
    shape = memory.broadcast(*(array.shape for array in arrays if array is not None))
    if math.prod(shape) < _LEAST or shape[-1] > _BLOCK:
        return _run(links, arrays)
    width, count = shape[-1], math.prod(shape)
    length = min(_BLOCK // width * width, count)  # whole rows
    cut: list[tuple[Any, bool]] = []  # each array, and whether it goes on from block to block
    for array in arrays:
        if array is None or array.size == 1:
            cut.append((None if array is None else array.reshape(()), False))
        elif array.shape == shape and array.flags.c_contiguous:
            cut.append((array.reshape(-1), True))
        elif array.shape[-1] == array.size == width:
            # As long as a block: NumPy is slow where it has few channels to go through at a time.
            cut.append((np.tile(array.reshape(width), length // width), False))
        else:
            return _run(links, arrays)
    memory.checked(shape)
    result: Array | None = None
    for start in range(0, count, length):
        end = min(start + length, count)
        parts = [
            array[start:end] if whole else array[: end - start] if array is not None and array.ndim else array
            for array, whole in cut
        ]
        block = _run(links, parts)
        if length == count:
            return block.reshape(shape)
        if result is None:
            result = np.empty(count, block.dtype)
        result[start:end] = block
    assert result is not None
    return result.reshape(shape)


def _run(links: Sequence[Link], arrays: Sequence[Any]) -> Array:
    """The last link's result for these arrays, one link after the other."""
    values = list(arrays)
    for function, arguments in links:
        values.append(function(*[values[place] for place in arguments]))
    last: Array = values[-1]
    return last
