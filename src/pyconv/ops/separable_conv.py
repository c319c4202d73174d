"""Depthwise convolution and after it one with a 1x1 kernel. Both are conv.py's."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from pyconv.gradient import Array
from pyconv.ops import shapes
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
    x, depthwise, _ = operands(op, inputs, depthwise_kernel, None)
    x, pointwise, offset = operands(op, x, pointwise_kernel, bias)
    require_ranks(op, x, depthwise)
    require_ranks(op, x, pointwise)
    settled = settle("depthwise_conv", x.ndim - 2, strides, padding, data_format, dilation_rate)
    return separate(settled, x, depthwise, pointwise, offset)


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
