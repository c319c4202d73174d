"""The shape that a program foretells for a node is that of what the node makes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pyconv.program import kinds
from pyconv.program.graph import Node, Value
from pyconv.program.interpreter import run_node
from pyconv.program.shapes import result_shape


def weights(*shape: int) -> Any:
    return np.ones(shape, np.float32)


def taps(size: int, results: int) -> Any:
    """Each result is the mean of two elements."""
    return np.arange(2 * results).reshape(results, 2) % size, np.full((results, 2), 0.5, np.float32)


IMAGE = (7, 9, 6)
PADS = ((1, 0), (2, 1))
CASES = {
    "conv": (kinds.Conv(weights(2, 3, 3, 4), None, (2, 3), PADS, (3, 1), groups=2), [IMAGE]),
    "conv of one axis": (kinds.Conv(weights(3, 6, 4), None, (2,), ((1, 0),), (1,)), [(9, 6)]),
    "dense": (kinds.Conv(weights(1, 6, 4), None, (1,), ((0, 0),), (1,), dense=True), [IMAGE]),
    "pool": (kinds.Pool("max", (2, 3), (2, 1), PADS), [IMAGE]),
    "binary": (kinds.Binary("add"), [IMAGE, (1, 9, 1)]),
    "concat": (kinds.Concat(1), [IMAGE, (7, 2, 6), (7, 1, 6)]),
    "slice": (kinds.Slice((2, 0, 1), (7, 9, 3)), [IMAGE]),
    "pad": (kinds.Pad((*PADS, (0, 3))), [IMAGE]),
    "resize": (kinds.Resize((taps(7, 4), taps(9, 20))), [IMAGE]),
    "transpose": (kinds.Transpose((2, 0, 1)), [IMAGE]),
    "softmax": (kinds.Softmax(), [IMAGE]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_shape_is_what_comes_out(name: str) -> None:
    kind, shapes = CASES[name]
    told = result_shape(kind, shapes)
    inputs = [Value(shape) for shape in shapes]
    arrays = [np.ones((2, *shape), np.float32) for shape in shapes]
    (made,) = run_node(Node(kind, inputs, [Value(told)], ("node",)), arrays)
    assert made.shape == (2, *told)


def test_an_axis_that_is_too_short() -> None:
    with pytest.raises(ValueError, match="program: Computed output size would be zero or negative"):
        result_shape(kinds.Pool("max", (8, 8), (1, 1), ((0, 0), (0, 0))), [IMAGE])
