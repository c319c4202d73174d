"""Parts of a graph that run by a condition, several times, or over sequences. A body is a function list -> list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx import memory
from pyconv.onnx.operators.windows import Sizes
from pyconv.onnx.registry import operator

Body = Callable[[Sequence[Any]], list[Any]]
# A file could ask for endless turns; no network that is one has so many.
_MOST_TURNS = 1_000_000


@operator("If")
def if_else(condition: Array, *, then_branch: Body, else_branch: Body) -> tuple[Any, ...]:
    return tuple((then_branch if condition.item() else else_branch)([]))


@operator("Loop")
def loop(most: Array | None, condition: Array | None, *carried: Any, body: Body, outputs: int) -> tuple[Any, ...]:
    """Turns of (number, condition, carried ...) -> (condition, carried ..., scanned ...); the scanned are stacked."""
    turns = _MOST_TURNS + 1 if most is None else int(most.item())
    going = condition is None or bool(condition.item())
    scanned: list[list[Array]] = [[] for _ in range(outputs - len(carried))]
    values, turn = list(carried), 0
    while going and turn < turns:
        if turn == _MOST_TURNS:
            raise ValueError(f"Loop: more than {_MOST_TURNS} turns.")
        again, *results = body([np.array(turn, np.int64), np.array(True), *values])
        values = results[: len(carried)]
        _collect(scanned, results[len(carried) :])
        going, turn = bool(again.item()), turn + 1
    return (*values, *(np.stack(items) if items else np.zeros(0, np.float32) for items in scanned))


def _collect(scanned: list[list[Array]], results: Sequence[Array]) -> None:
    for items, result in zip(scanned, results, strict=True):
        items.append(result)
        memory.checked((len(items), *result.shape), result.dtype)


@operator("Scan", since=9)
def scan(
    *inputs: Array,
    body: Body,
    num_scan_inputs: int,
    outputs: int,
    scan_input_axes: Sizes = None,
    scan_input_directions: Sizes = None,
    scan_output_axes: Sizes = None,
    scan_output_directions: Sizes = None,
) -> tuple[Array, ...]:
    """Turns of (carried ..., one slice of each sequence) -> (carried ..., one slice of each result)."""
    count = len(inputs) - num_scan_inputs
    carried, sequences = list(inputs[:count]), inputs[count:]
    axes = scan_input_axes or (0,) * num_scan_inputs
    backward = scan_input_directions or (0,) * num_scan_inputs
    lines = [np.moveaxis(x, axis, 0) for x, axis in zip(sequences, axes, strict=True)]
    lines = [line[::-1] if flip else line for line, flip in zip(lines, backward, strict=True)]
    if len({len(line) for line in lines}) != 1:
        raise ValueError("Scan: the sequences must be equally long.")
    scanned: list[list[Array]] = [[] for _ in range(outputs - count)]
    for turn in range(len(lines[0])):
        results = body([*carried, *(line[turn] for line in lines)])
        carried = results[:count]
        _collect(scanned, results[count:])
    out_axes = scan_output_axes or (0,) * len(scanned)
    reverse = scan_output_directions or (0,) * len(scanned)
    stacked = [
        np.stack(items[::-1] if flip else items, axis)
        for items, axis, flip in zip(scanned, out_axes, reverse, strict=True)
    ]
    return (*carried, *stacked)
