"""Pools: over windows, over whole images, and to a given number of results."""

from __future__ import annotations

from pyconv.onnx.writing.convolutions import window
from pyconv.onnx.writing.exporters import Call, back, exports, first
from pyconv.onnx.writing.writer import Writer

RANKS = ("1D", "2D", "3D")


@exports(*(f"{kind}Pooling{rank}" for kind in ("Max", "Average") for rank in RANKS))
def pool(writer: Writer, call: Call, x: str) -> str:
    layer = call.layer
    op = "MaxPool" if layer.operation == "max_pool" else "AveragePool"
    attributes = window(call, layer.padding, layer.pool_size, layer.strides, (1,) * layer.rank)
    return back(writer, call, writer.node(op, first(writer, call, x), **attributes))


@exports(*(f"Global{kind}Pooling{rank}" for kind in ("Max", "Average") for rank in RANKS))
def global_pool(writer: Writer, call: Call, x: str) -> str:
    layer = call.layer
    y = writer.node("GlobalMaxPool" if layer.operation == "max" else "GlobalAveragePool", first(writer, call, x))
    return back(writer, call, y) if layer.keepdims else writer.node("Flatten", y)


@exports(*(f"Adaptive{kind}Pooling{rank}" for kind in ("Max", "Average") for rank in RANKS))
def adaptive_pool(writer: Writer, call: Call, x: str) -> str:
    """Window i of o is floor(i n / o) .. ceil((i + 1) n / o), axis by axis; equal windows are a pool."""
    layer = call.layer
    largest = "max" in layer.operation
    sizes = call.known(call.inputs[0], layer.spatial_axes)
    output = [wanted or size for wanted, size in zip(layer.output_size, sizes, strict=True)]
    y = first(writer, call, x)
    if all(size % wanted == 0 for size, wanted in zip(sizes, output, strict=True)):
        steps = [size // wanted for size, wanted in zip(sizes, output, strict=True)]
        op = "MaxPool" if largest else "AveragePool"
        return back(writer, call, writer.node(op, y, kernel_shape=steps, strides=steps))
    for axis, (n, o) in enumerate(zip(sizes, output, strict=True), 2):
        parts = []
        for i in range(o):
            start, end = i * n // o, -(-(i + 1) * n // o)
            part = writer.node("Slice", y, *(writer.integers(each) for each in (start, end, axis)))
            parts.append(writer.node("ReduceMax" if largest else "ReduceMean", part, axes=[axis], keepdims=1))
        y = writer.node("Concat", *parts, axis=axis)
    return back(writer, call, y)
