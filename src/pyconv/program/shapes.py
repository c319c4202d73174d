"""The shape of what a node makes, one sample's, from the shapes that it reads. Those that can't be known are given."""

from __future__ import annotations

from collections.abc import Sequence

from pyconv.ops import geometry
from pyconv.program.kinds import Binary, Concat, Conv, ConvTranspose, Kind, Pad, Pool, Resize, Slice, Transpose
from pyconv.result_shapes import broadcast

Shape = tuple[int, ...]


def result_shape(kind: Kind, shapes: Sequence[Shape]) -> Shape:  # noqa: PLR0911 - a table
    """The result's shape; of kinds that keep their input's shape that is it."""
    first = shapes[0]
    match kind:
        case Conv(dense=True):
            return (*first[:-1], kind.weights.shape[-1])
        case Conv():
            window = kind.weights.shape[:-2]
            return (*_windows(first, window, kind.strides, kind.pads, kind.dilation), kind.weights.shape[-1])
        case ConvTranspose():
            return (*kind.size, kind.weights.shape[-2] * kind.groups)
        case Pool():
            return (*_windows(first, kind.window, kind.strides, kind.pads, (1,) * len(kind.window)), first[-1])
        case Binary():
            return tuple(size or 0 for size in broadcast(kind.function, first, shapes[1]))
        case Concat():
            along = sum(shape[kind.axis] for shape in shapes)
            return (*first[: kind.axis], along, *first[kind.axis + 1 :])
        case Slice():
            return tuple(end - begin for begin, end in zip(kind.begin, kind.end, strict=True))
        case Pad():
            return tuple(size + sum(pair) for size, pair in zip(first, kind.pads, strict=True))
        case Resize():
            return (*(len(elements) for elements, _ in kind.taps), first[-1])
        case Transpose():
            return tuple(first[axis] for axis in kind.axes)
    return first


def _windows(shape: Shape, window: Shape, strides: Shape, pads: geometry.Pads, dilation: Shape) -> Shape:
    sizes = geometry.output_size("program", pads, shape[:-1], window, strides, dilation)
    return tuple(size or 0 for size in sizes)
