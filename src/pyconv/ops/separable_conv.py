"""Depthwise convolution and after it one with a 1x1 kernel. Both are conv.py's."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from pyconv.gradient import Array
from pyconv.ops import geometry, shapes
from pyconv.ops.conv import Kernel, convolve, operands, require_ranks, settle
from pyconv.ops.conv_plans import Activation, Settled


def separable_conv(
    inputs: ArrayLike,
    depthwise_kernel: ArrayLike,
    pointwise_kernel: ArrayLike,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
    *,
    bias: ArrayLike | None = None,
) -> Array:
    """`depthwise_conv`, then `conv` with a kernel of one element: far fewer products than a full convolution.

    Args:
        inputs: images (N, *spatial, C), or (N, C, *spatial) with data_format="channels_first".
        depthwise_kernel: weights (*window, C, M).
        pointwise_kernel: weights (1, ..., 1, C * M, F).
        strides: as in `conv`, for the depthwise part.
        padding: as in `conv`, for the depthwise part.
        data_format: as in `conv`.
        dilation_rate: as in `conv`, for the depthwise part.
        bias: numbers (F,) to add at the end.

    Returns:
        (N, *output, F), or (N, F, *output): float64 if an argument is float64, otherwise float32.

    Raises:
        TypeError: as `conv`.
        ValueError: as `conv`.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> image = np.ones((1, 5, 5, 3), np.float32)
    >>> ops.separable_conv(image, np.ones((3, 3, 3, 1)), np.ones((1, 1, 3, 8))).shape
    (1, 3, 3, 8)
    """
    op = "separable_conv"
    x, depthwise, _ = operands(op, inputs, depthwise_kernel, None, ("inputs", "depthwise_kernel"))
    x, pointwise, offset = operands(op, x, pointwise_kernel, bias, ("inputs", "pointwise_kernel"))
    require_ranks(op, x, depthwise)
    require_ranks(op, x, pointwise)
    settled = settle("depthwise_conv", x.ndim - 2, strides, padding, data_format, dilation_rate, op)
    _require_fitting(op, settled, x.shape, depthwise.shape, pointwise.shape, None if offset is None else offset.shape)
    return separate(settled, x, depthwise, pointwise, offset)


def _require_fitting(
    op: str,
    settled: Settled,
    x: tuple[int, ...],
    depthwise: tuple[int, ...],
    pointwise: tuple[int, ...],
    bias: tuple[int, ...] | None,
) -> None:
    """Raises ValueError where shapes don't fit, in the words of this operation rather than of its two parts."""
    *window, channels, multiplier = depthwise
    between, filters = pointwise[-2:]
    size, given = (x[2:], x[1]) if settled.channels_first else (x[1:-1], x[-1])
    if given != channels or between != channels * multiplier or 0 in depthwise + pointwise:
        raise ValueError(
            f"{op}: inputs must have C channels, depthwise_kernel the shape (*window, C, M) and pointwise_kernel the "
            f"shape (1, ..., 1, C * M, F), none of them 0. Received: {given} channels, "
            f"depthwise_kernel.shape={depthwise}, pointwise_kernel.shape={pointwise}."
        )
    if any(n != 1 for n in pointwise[:-2]):
        raise ValueError(f"{op}: pointwise_kernel must have a window of 1. Received: its shape {pointwise}.")
    if bias not in (None, (filters,)):
        raise ValueError(f"{op}: bias must have shape ({filters},), a number a filter. Received: {bias}.")
    output = geometry.output_size(op, settled.padding, size, window, settled.strides, settled.dilation)
    geometry.require_addressable(op, (x[0], *output, max(between, filters)))


def separate(
    settled: Settled,
    x: Array,
    depthwise: Kernel,
    pointwise: Kernel,
    bias: Kernel | None,
    activation: Activation = "linear",
) -> Array:
    """The operation on arrays that came through `as_float`; channels are moved once for both parts."""
    if settled.channels_first:
        last = settled._replace(channels_first=False)
        return shapes.channels_first(separate(last, shapes.channels_last(x), depthwise, pointwise, bias, activation))
    one = (1,) * len(settled.strides)
    y = convolve(settled, x, depthwise, None)
    return convolve(Settled("conv", one, "valid", one, False), y, pointwise, bias, activation=activation)
