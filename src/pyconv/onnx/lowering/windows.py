"""Convolutions and pools over windows or whole images, and reductions that are such pools.

`attributes` say how windows move: those of `resolve`, or of `transposition`.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from pyconv.onnx.lowering.registry import Samples, integers, lowers, numbers, require, value
from pyconv.onnx.operators.convolution import transposition
from pyconv.onnx.operators.windows import Sizes, Window, resolve
from pyconv.ops.conv_plans import Activation
from pyconv.ops.elementwise import NEGATIVE_SLOPE
from pyconv.program.graph import Value
from pyconv.program.kinds import Conv, ConvTranspose, Pad, Pool, Slice, Transpose

Kind = Literal["max", "average"]
_MOST_AXES = 3  # of windows in the core


@lowers("Conv")
def conv(
    to: Samples,
    x: Any,
    weights: Any,
    bias: Any = None,
    *,
    group: int = 1,
    kernel_shape: Sizes = None,
    activation: Activation = "linear",
    **attributes: Any,
) -> Value:
    *sizes, channels = value(x).shape
    kernel, offset = numbers(weights), None if bias is None else numbers(bias)
    *window, inside, filters = kernel.shape
    require(len(window) == len(sizes) and kernel_shape in (None, tuple(window)))
    require(channels == inside * group and filters % group == 0 and (offset is None or offset.shape == (filters,)))
    moves = resolve(window, sizes, **attributes)
    slope = NEGATIVE_SLOPE if activation == "leaky_relu" else 0.0
    kind = Conv(kernel, offset, moves.strides, moves.pads, moves.dilations, group, activation, slope)
    return to.add(kind, x)


@lowers("ConvTranspose")
def conv_transpose(
    to: Samples,
    x: Any,
    weights: Any,
    bias: Any = None,
    *,
    group: int = 1,
    kernel_shape: Sizes = None,
    **attributes: Any,
) -> Value:
    *sizes, channels = value(x).shape
    # Kept as one kernel (*window, filters, channels) for each group.
    kernel = np.concatenate([numbers(part) for part in weights], -1) if isinstance(weights, list) else None
    require(kernel is not None and len(kernel.shape) == len(sizes) + 2 and kernel.shape[-1] == channels)
    assert kernel is not None
    *window, filters, _ = kernel.shape
    offset = None if bias is None else numbers(bias)
    require(kernel_shape in (None, tuple(window)) and (offset is None or offset.shape == (filters * group,)))
    moves = transposition(window, sizes, **attributes)
    # Zeros before the results, or a step and more behind them, are no window's.
    crops = zip(moves.crops, moves.strides, strict=True)
    require(all(before >= 0 and after > -step for (before, after), step in crops) and min(moves.sizes) > 0)
    kind = ConvTranspose(kernel, offset, moves.strides, moves.pads, moves.dilations, moves.sizes, group)
    return to.add(kind, x)


@lowers("MaxPool")
def max_pool(
    to: Samples,
    x: Any,
    *,
    ceil_mode: int = 0,
    kernel_shape: Sizes,
    storage_order: int = 0,
    **attributes: Any,
) -> Value:
    window = resolve(kernel_shape or (), value(x).shape[:-1], **attributes)
    return _pooled(to, x, "max", window, bool(ceil_mode))


@lowers("AveragePool")
def average_pool(
    to: Samples,
    x: Any,
    *,
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    kernel_shape: Sizes,
    **attributes: Any,
) -> Value:
    window = resolve(kernel_shape or (), value(x).shape[:-1], **attributes)
    if count_include_pad and any(map(any, window.pads)):
        require(not ceil_mode)  # what that adds isn't counted
        x = to.add(Pad((*window.pads, (0, 0))), x)
        window = window._replace(pads=((0, 0),) * len(window.pads))
    return _pooled(to, x, "average", window, bool(ceil_mode))


def _pooled(to: Samples, x: Value, kind: Kind, window: Window, ceil_mode: bool) -> Value:
    *sizes, channels = x.shape
    require(1 <= len(sizes) <= _MOST_AXES and all(dilation == 1 for dilation in window.dilations))
    output = window.output_sizes(sizes, ceil_mode)
    y = to.add(Pool(kind, window.size, window.strides, window.reaching(sizes, output).pads), x)
    # Pads wider than a step behind the last place wanted give places more.
    return y if y.shape[:-1] == output else to.add(Slice((0,) * len(y.shape), (*output, channels)), y)


@lowers("GlobalAveragePool")
def global_average_pool(to: Samples, x: Any) -> Value:
    return _over_axes(to, value(x), "average", range(len(x.shape) - 1), keep=True)


@lowers("GlobalMaxPool")
def global_max_pool(to: Samples, x: Any) -> Value:
    return _over_axes(to, value(x), "max", range(len(x.shape) - 1), keep=True)


def _reduction(name: str, kind: Kind) -> None:
    @lowers(name)
    def reduced(to: Samples, x: Any, axes: Any = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Value:
        named = integers(axes) if isinstance(axes, np.ndarray) else list(axes or ())
        return _over_axes(to, x, kind, [to.axis(value(x), axis) for axis in named], bool(keepdims))


_reduction("ReduceMean", "average")
_reduction("ReduceMax", "max")


def _over_axes(to: Samples, x: Value, kind: Kind, axes: Any, keep: bool) -> Value:
    """A pool with one window over some of a sample's axes."""
    over = sorted(set(axes))
    left = [axis for axis in range(len(x.shape)) if axis not in over]
    require(1 <= len(over) <= _MOST_AXES and x.size > 0)
    y = x if over == list(range(len(over))) else to.add(Transpose((*over, *left)), x)
    sizes = tuple(x.shape[axis] for axis in over)
    rest = tuple(x.shape[axis] for axis in left)
    y = to.reshape(y, (*sizes, math.prod(rest)))
    y = to.add(Pool(kind, sizes, (1,) * len(over), ((0, 0),) * len(over)), y)
    return to.reshape(y, tuple(1 if i in over else n for i, n in enumerate(x.shape)) if keep else rest)
