"""Convolutions, and the matrix product of Dense as one of them. No arithmetic: the core does that."""

from __future__ import annotations

import functools
import math
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from pyconv import _core, config
from pyconv.gradient import Array, Link, record
from pyconv.ops import geometry, shapes
from pyconv.ops.arrays import as_floats, contiguous, dtype_name


def conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
    *,
    bias: ArrayLike | None = None,
) -> Array:
    """Convolution in one, two or three dimensions, in the sense of deep learning: the kernel isn't flipped.

    y[n, o, f] = bias[f] + sum over t, c of x[n, o * strides + t * dilation_rate - pads, c] * kernel[t, c, f]

    There are C / kernel.shape[-2] groups: each sees its share of the channels and makes its share of the filters.

    Args:
        inputs: images (N, *spatial, C), or (N, C, *spatial) with data_format="channels_first".
        kernel: weights (*window, C / groups, F); its rank chooses the number of dimensions.
        strides: the step of the window, an integer or one an axis.
        padding: "valid" (none), "same" (ceil(size / stride) results an axis, the odd zero at the end), an
            integer, or one integer or (before, after) pair for each spatial axis.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        dilation_rate: the distance between the window's elements, an integer or one an axis; 1 is dense.
            It may be combined with strides.
        bias: numbers (F,) to add, one a filter.

    Returns:
        (N, *output, F), or (N, F, *output): float64 if an argument is float64, otherwise float32.

    Raises:
        TypeError: if an array doesn't hold real numbers or a size isn't an integer.
        ValueError: if shapes don't fit together, a size is out of range or the output would be empty.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> image = np.arange(12.0).reshape(1, 3, 4, 1)
    >>> right_minus_left = np.array([-1.0, 0.0, 1.0]).reshape(1, 3, 1, 1)
    >>> ops.conv(image, right_minus_left).shape
    (1, 3, 2, 1)
    >>> ops.conv(image, right_minus_left, padding="same")[0, 0, :, 0]
    array([ 1.,  2.,  2., -2.])
    """
    x, weights, offset = _operands("conv", inputs, kernel, bias)
    _require_ranks("conv", x, weights)
    channels_first = geometry.data_format("conv", data_format) == "channels_first"
    x = shapes.channels_last(x) if channels_first else x
    channels, group_channels = x.shape[-1], weights.shape[-2]
    if channels == 0 or group_channels == 0 or channels % group_channels:
        raise ValueError(
            "conv: the channels of inputs must be a multiple of the channels of kernel (its axis -2). "
            f"Received: channels={channels}, inputs.shape={np.shape(inputs)}, kernel.shape={weights.shape}."
        )
    groups = channels // group_channels
    y = _convolve("conv", x, weights, offset, groups, strides, padding, dilation_rate)
    return shapes.channels_first(y) if channels_first else y


def depthwise_conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
    *,
    bias: ArrayLike | None = None,
) -> Array:
    """Convolution of every channel by itself, with M filters each; filter m of channel c is output c * M + m.

    Args:
        inputs: images (N, *spatial, C), or (N, C, *spatial) with data_format="channels_first".
        kernel: weights (*window, C, M).
        strides: as in `conv`.
        padding: as in `conv`.
        data_format: as in `conv`.
        dilation_rate: as in `conv`.
        bias: numbers (C * M,) to add, one an output channel.

    Returns:
        (N, *output, C * M), or (N, C * M, *output): float64 if an argument is float64, otherwise float32.

    Raises:
        TypeError: as `conv`.
        ValueError: as `conv`.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> image = np.ones((1, 5, 5, 3), np.float32)
    >>> ops.depthwise_conv(image, np.ones((3, 3, 3, 2), np.float32), padding=1).shape
    (1, 5, 5, 6)
    """
    x, weights, offset = _operands("depthwise_conv", inputs, kernel, bias)
    _require_ranks("depthwise_conv", x, weights)
    channels_first = geometry.data_format("depthwise_conv", data_format) == "channels_first"
    x = shapes.channels_last(x) if channels_first else x
    *window, channels, multiplier = weights.shape
    if x.shape[-1] != channels:
        raise ValueError(
            "depthwise_conv: inputs and kernel (its axis -2) must have equally many channels. "
            f"Received: channels={x.shape[-1]}, inputs.shape={np.shape(inputs)}, kernel.shape={weights.shape}."
        )
    weights = shapes.reshape(weights, (*window, 1, channels * multiplier))
    y = _convolve("depthwise_conv", x, weights, offset, channels, strides, padding, dilation_rate)
    return shapes.channels_first(y) if channels_first else y


def dense(x: ArrayLike, kernel: ArrayLike, *, bias: ArrayLike | None = None) -> Array:
    """Matrix product over the last axis: y[..., u] = bias[u] + sum over k of x[..., k] * kernel[k, u].

    Args:
        x: numbers (..., K).
        kernel: weights (K, U).
        bias: numbers (U,) to add.

    Returns:
        (..., U): float64 if an argument is float64, otherwise float32.

    Raises:
        TypeError: if an argument doesn't hold real numbers.
        ValueError: if shapes don't fit together.

    Example:
    >>> from pyconv import ops
    >>> ops.dense([[1, 2]], [[1, 0, 1], [0, 1, 1]], bias=[0, 0, 10])
    array([[ 1.,  2., 13.]], dtype=float32)
    """
    rows, weights, offset = _operands("dense", x, kernel, bias)
    if rows.ndim < 1 or weights.ndim != 2 or rows.shape[-1] != weights.shape[0]:
        raise ValueError(
            "dense: kernel must have two axes, the first as long as the last axis of x. "
            f"Received: x.shape={rows.shape}, kernel.shape={weights.shape}."
        )
    *leading, length = rows.shape
    units = weights.shape[1]
    # The rows are the pixels of one line. A line can't be empty, but there may be no line at all.
    pixels = math.prod(leading)
    line = shapes.reshape(rows, (1, pixels, length) if pixels else (0, 1, length))
    y = _convolve("dense", line, shapes.reshape(weights, (1, length, units)), offset, 1, 1, "valid", 1)
    return shapes.reshape(y, (*leading, units))


class _Problem(NamedTuple):
    op: str
    dtype: Literal["float32", "float64"]
    batch: int
    in_channels: int
    out_channels: int
    groups: int
    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: geometry.Pads
    precision: Literal["strict", "auto", "fast"]


_Direction = Literal["forward", "backward_data", "backward_weights"]


# A plan holds kernels of the ISA it was made for, so the ISA belongs to the key.
@functools.lru_cache(maxsize=256)
def _plan(isa: str, direction: _Direction, problem: _Problem) -> _core.ConvPlan:
    return _core.ConvPlan(direction=direction, **problem._asdict())


def _convolve(
    op: str,
    x: Array,
    kernel: Array,
    bias: Array | None,
    groups: int,
    strides: Any,
    padding: Any,
    dilation_rate: Any,
) -> Array:
    """The convolution of (N, *spatial, C) with (*window, C / groups, F), noted on the tape."""
    batch, *size, channels = x.shape
    *window, _, filters = kernel.shape
    steps = geometry.int_tuple(op, "strides", strides, len(size))
    dilation = geometry.int_tuple(op, "dilation_rate", dilation_rate, len(size))
    pads = geometry.resolve_pads(op, padding, size, window, steps, dilation)
    if bias is not None and bias.shape != (filters,):
        raise ValueError(f"{op}: bias must have shape ({filters},), a number a filter. Received: {bias.shape}.")
    problem = _Problem(
        op,
        dtype_name(x),
        batch,
        channels,
        filters,
        groups,
        tuple(size),
        tuple(window),
        steps,
        dilation,
        pads,
        config.get_precision(),
    )
    plan = _plan(_core.get_isa(), "forward", problem)
    src, weights = contiguous(x), contiguous(kernel)
    y = np.empty((batch, *plan.output_size, filters), x.dtype)
    plan.run(src, weights, None if bias is None else contiguous(bias), y)

    def inputs_gradient(dy: Array) -> Array:
        dx = np.empty(x.shape, x.dtype)
        _plan(_core.get_isa(), "backward_data", problem).run(dx, weights, None, contiguous(dy))
        return dx

    # One run makes the gradients of kernel and bias; whichever is asked for first keeps the other.
    kept: dict[str, Array] = {}

    def weights_gradient(name: str, dy: Array) -> Array:
        if name not in kept:
            kept["kernel"] = np.empty(kernel.shape, x.dtype)
            kept["bias"] = np.empty(filters, x.dtype)
            _plan(_core.get_isa(), "backward_weights", problem).run(src, kept["kernel"], kept["bias"], contiguous(dy))
        return kept.pop(name)

    links: list[Link] = [(x, inputs_gradient), (kernel, functools.partial(weights_gradient, "kernel"))]
    if bias is not None:
        links.append((bias, functools.partial(weights_gradient, "bias")))
    record(y, *links)
    return y


def _operands(
    op: str, inputs: ArrayLike, kernel: ArrayLike, bias: ArrayLike | None
) -> tuple[Array, Array, Array | None]:
    if bias is None:
        x, weights = as_floats(op, inputs=inputs, kernel=kernel)
        return x, weights, None
    x, weights, offset = as_floats(op, inputs=inputs, kernel=kernel, bias=bias)
    return x, weights, offset


def _require_ranks(op: str, x: Array, kernel: Array) -> None:
    if not 1 <= kernel.ndim - 2 <= 3 or x.ndim != kernel.ndim:
        raise ValueError(
            f"{op}: inputs and kernel must both have 3, 4 or 5 axes (one to three of them spatial). "
            f"Received: inputs.shape={x.shape}, kernel.shape={kernel.shape}."
        )
