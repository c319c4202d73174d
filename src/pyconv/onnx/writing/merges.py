"""Layers of several inputs, and arithmetic between symbolic tensors."""

from __future__ import annotations

import functools

from pyconv.onnx.writing.exporters import Call, exports
from pyconv.onnx.writing.writer import Writer

_MERGES = {"Add": "Add", "Multiply": "Mul", "Subtract": "Sub", "Maximum": "Max", "Minimum": "Min", "Average": "Mean"}


def _same_ranks(call: Call) -> bool:
    return len({len(shape) for shape in call.inputs}) == 1


@exports(*_MERGES)
def merge(writer: Writer, call: Call, *names: str) -> str:
    op = _MERGES[type(call.layer).__name__]
    write = writer.broadcast if _same_ranks(call) else writer.node
    if op == "Mean":
        return str(write(op, *names))
    return str(functools.reduce(lambda one, other: write(op, one, other), names))


@exports("Concatenate")
def concatenate(writer: Writer, call: Call, *names: str) -> str:
    return writer.joined(names, call.layer.axis % len(call.inputs[0]))
