"""Shapes, orders of axes, borders, cuts and joints, images of other sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx.layout import order_last
from pyconv.onnx.lowering.registry import Samples, integers, lowers, numbers, require, value
from pyconv.onnx.operators.resizing import lines
from pyconv.onnx.operators.windows import Sizes
from pyconv.program.graph import Value
from pyconv.program.kinds import Concat, Pad, Resize, Slice, Transpose


@lowers("Shape")
def shape_of(to: Samples, x: Any, *, start: int = 0, end: int | None = None) -> Array:
    whole = to.whole(value(x))
    to.fixed |= 0 in range(len(whole))[start:end]
    return np.array(whole[start:end], np.int64)


@lowers("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(to: Samples, x: Any, *others: Any, **attributes: Any) -> Value:
    """The shape is what the operator makes of an array; the samples must stay whole, for other batches too."""
    require(all(isinstance(other, np.ndarray) for other in others) and value(x).size > 0)
    function = to.node.operator.bind(attributes, 1)
    first, *rest = _shape(function, to.whole(x), others)
    require(first == to.batch)
    if not to.fixed:
        try:
            to.fixed = _shape(function, (to.batch + 1, *x.shape), others) != (to.batch + 1, *rest)
        except ValueError:
            to.fixed = True
    return to.reshape(x, rest)


def _shape(function: Any, shape: Sequence[int], others: Any) -> tuple[int, ...]:
    """The shape of the operator's view of an array of which nothing is read."""
    result: tuple[int, ...] = function(np.empty(shape, np.float32), *others).shape
    return result


@lowers("Transpose")
def transpose(to: Samples, x: Any, *, perm: Sizes = None) -> Value:
    order = tuple(reversed(range(len(value(x).shape) + 1))) if perm is None else tuple(perm)
    require(sorted(order) == list(range(len(x.shape) + 1)) and order[0] == 0)
    return to.add(Transpose(tuple(axis - 1 for axis in order[1:])), x)


@lowers("ChannelsLast")
def channels_last(to: Samples, x: Any) -> Value:
    rank = len(value(x).shape)
    return to.add(Transpose((*range(1, rank), 0)), x) if rank > 1 else x


@lowers("ChannelsFirst")
def channels_first(to: Samples, x: Any) -> Value:
    rank = len(value(x).shape)
    return to.add(Transpose((rank - 1, *range(rank - 1))), x) if rank > 1 else x


@lowers("Concat")
def concatenate(to: Samples, *arrays: Any, axis: int = 1) -> Value:
    values = [value(x) for x in arrays]
    require(len({len(x.shape) for x in values}) == 1)
    place = to.axis(values[0], axis)
    others = {(*x.shape[:place], *x.shape[place + 1 :]) for x in values}
    require(len(others) == 1)
    return values[0] if len(values) == 1 else to.add(Concat(place), *values)


@lowers("Split")
def split(
    to: Samples,
    x: Any,
    sizes: Any = None,
    *,
    axis: int = 0,
    num_outputs: int | None = None,
    split: Sizes = None,
    outputs: int = 1,
) -> tuple[Value, ...]:
    place = to.axis(value(x), axis)
    length, count = x.shape[place], num_outputs or outputs
    part = -(-length // count)
    parts = (
        integers(sizes) if sizes is not None else list(split or [part] * (count - 1) + [length - part * (count - 1)])
    )
    require(sum(parts) == length and len(parts) == outputs and min(parts) > 0)
    ends = np.cumsum(parts).tolist()
    return tuple(_sliced(to, x, {place: (end - size, end)}) for size, end in zip(parts, ends, strict=True))


@lowers("Slice", since=10)
def slice_of(to: Samples, x: Any, starts: Any, ends: Any, axes: Any = None, steps: Any = None) -> Value:
    first, last = integers(starts), integers(ends)
    named = list(range(len(first))) if axes is None else integers(axes)
    require(steps is None or all(step == 1 for step in integers(steps)))
    return _cut(to, value(x), first, last, named)


@lowers("Slice", since=1)
def slice_by_attributes(to: Samples, x: Any, *, starts: Sizes, ends: Sizes, axes: Sizes = None) -> Value:
    first, last = list(starts or ()), list(ends or ())
    return _cut(to, value(x), first, last, list(axes) if axes is not None else list(range(len(first))))


def _cut(to: Samples, x: Value, first: list[int], last: list[int], axes: list[int]) -> Value:
    require(len(first) == len(last) == len(axes))
    ranges: dict[int, tuple[int, int]] = {}
    for start, end, axis in zip(first, last, axes, strict=True):
        place = to.axis(x, axis)
        begin, stop, _ = slice(start, end).indices(x.shape[place])
        require(begin < stop and place not in ranges)
        ranges[place] = (begin, stop)
    return _sliced(to, x, ranges)


def _sliced(to: Samples, x: Value, ranges: dict[int, tuple[int, int]]) -> Value:
    pairs = [ranges.get(axis, (0, size)) for axis, size in enumerate(x.shape)]
    begin, end = zip(*pairs, strict=True)
    return to.add(Slice(begin, end), x)


@lowers("Pad", since=11)
def pad(to: Samples, x: Any, pads: Any, number: Any = None, axes: Any = None, *, mode: str = "constant") -> Value:
    named = list(range(len(value(x).shape) + 1)) if axes is None else integers(axes)
    return _padded(to, x, integers(pads), named, mode, 0.0 if number is None else numbers(number).item())


@lowers("Pad", since=1)
def pad_by_attributes(to: Samples, x: Any, *, pads: Sizes = None, mode: str = "constant", **settings: float) -> Value:
    axes = list(range(len(value(x).shape) + 1))
    return _padded(to, x, list(pads or ()), axes, mode, settings.get("value", 0.0))


def _padded(to: Samples, x: Value, pads: list[int], axes: list[int], mode: str, number: float) -> Value:
    require(mode == "constant" and len(pads) == 2 * len(axes) and min(pads, default=0) >= 0)
    widths = [(0, 0)] * len(x.shape)
    for axis, before, after in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        if before or after:
            widths[to.axis(x, axis)] = (before, after)
    return to.add(Pad(tuple(widths), number), x)


@lowers("Resize", since=11)
def resize(to: Samples, x: Any, roi: Any = None, scales: Any = None, sizes: Any = None, **settings: Any) -> Value:
    """The lines' axes are those of the batch, whose size doesn't change what they are."""
    whole, rank = to.whole(value(x)), len(x.shape) + 1
    require(settings.get("coordinate_transformation_mode") != "tf_crop_and_resize")
    require(all(other is None or isinstance(other, np.ndarray) for other in (scales, sizes)))
    settings.pop("extrapolation_value", None)  # of what that mode alone has outside
    made = {line.axis: line for line in lines(whole, None, scales, sizes, **settings)}
    require(rank > 2 and not made.keys() & {0, rank - 1})
    taps = tuple(
        (made[axis].elements, made[axis].weights)
        if axis in made
        else (np.arange(whole[axis])[:, None], np.ones((whole[axis], 1)))
        for axis in range(1, rank - 1)
    )
    return to.add(Resize(taps), x)


@lowers("Resize", since=10)
@lowers("Upsample", since=9)
def resize_by_scales(to: Samples, x: Any, scales: Any, *, mode: str = "nearest") -> Value:
    settings = {"coordinate_transformation_mode": "asymmetric", "mode": mode, "nearest_mode": "floor"}
    return resize(to, x, None, scales, **settings)


@lowers("Upsample", since=1)
def upsample_by_attribute(to: Samples, x: Any, *, scales: tuple[float, ...], mode: str = "nearest") -> Value:
    return resize_by_scales(to, x, np.array(scales), mode=mode)


@lowers("DepthToSpace")
def depth_to_space(to: Samples, x: Any, *, blocksize: int, mode: str = "DCR") -> Value:
    b = blocksize
    require(len(value(x).shape) == order_last(4)[-2] and b > 0 and x.shape[-1] % (b * b) == 0)
    height, width, channels = x.shape
    depth = channels // (b * b)
    split, order = ((b, b, depth), (0, 2, 1, 3, 4)) if mode == "DCR" else ((depth, b, b), (0, 3, 1, 4, 2))
    y = to.add(Transpose(order), to.reshape(x, (height, width, *split)))
    return to.reshape(y, (height * b, width * b, math.prod(split) // (b * b)))
