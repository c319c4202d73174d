"""Transposed convolution: the data gradient of a convolution, used forward. No arithmetic: the core does that.

The convolution whose gradient it is goes from this one's result to its input, with the same kernel and strides. So the
plan's "backward_data" is the result here, "forward" the gradient of the input.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from pyconv import _core, config
from pyconv.gradient import Array, Link, record, recording
from pyconv.ops import geometry, shapes
from pyconv.ops.arrays import contiguous, dtype_name
from pyconv.ops.conv import Kernel, operands, require_ranks
from pyconv.ops.conv_plans import Activation, Problem, plan_for
from pyconv.ops.elementwise import NEGATIVE_SLOPE
from pyconv.results import empty
from pyconv.variable import Variable


def conv_transpose(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: Any = 1,
    padding: Any = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
    *,
    bias: ArrayLike | None = None,
) -> Array:
    """Transposed convolution in one to three dimensions: each input adds its kernel to a window of the result.

    y[n, i * strides + t * dilation_rate - crop, f] += x[n, i, c] * kernel[t, f, c], starting from bias[f]

    Args:
        inputs: images (N, *spatial, C), or (N, C, *spatial) with data_format="channels_first".
        kernel: weights (*window, F, C): filters before channels.
        strides: the step from one window to the next, an integer or one an axis.
        padding: "valid" (all that the windows cover), "same" (size * stride results an axis), or, as in PyTorch, what
            is cut off: an integer, or one integer or (before, after) pair for each spatial axis.
        output_padding: how many more results an axis has at its end, less than strides, an integer or one an axis;
            None for what `padding` says.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        dilation_rate: the distance between the window's elements; may be combined with strides.
        bias: numbers (F,) to add, one a filter.

    Returns:
        (N, *output, F), or (N, F, *output): float64 if an argument is float64, otherwise float32. With
        k = (window - 1) * dilation_rate + 1 an axis has (size - 1) * strides + k + output_padding results, with "same"
        (size - 1) * strides + k % 2 + output_padding.

    Raises:
        TypeError: if an array doesn't hold real numbers or a size isn't an integer.
        ValueError: if shapes don't fit together, a size is out of range or the output would be empty.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> x = np.array([1.0, 10.0]).reshape(1, 2, 1)
    >>> ops.conv_transpose(x, np.ones((3, 1, 1)), strides=2).ravel()
    array([ 1.,  1., 11., 10., 10.])
    """
    op = "conv_transpose"
    x, weights, offset = operands(op, inputs, kernel, bias)
    require_ranks(op, x, weights)
    settled = settle_transpose(op, x.ndim - 2, strides, padding, output_padding, data_format, dilation_rate)
    return transposed(settled, x, weights, offset)


class SettledTranspose(NamedTuple):
    """The operation's arguments, checked, before any array is seen; equal ones share their plans."""

    strides: tuple[int, ...]
    padding: str | geometry.Pads
    output_padding: tuple[int, ...] | None
    dilation: tuple[int, ...]
    channels_first: bool


def settle_transpose(
    op: str,
    rank: int,
    strides: Any,
    padding: Any,
    output_padding: Any,
    data_format: str | None,
    dilation_rate: Any,
) -> SettledTranspose:
    """Checks the arguments of `conv_transpose` in `rank` dimensions; `op` is who asks, for errors."""
    steps = geometry.int_tuple(op, "strides", strides, rank)
    more = None
    if output_padding is not None:
        more = geometry.int_tuple(op, "output_padding", output_padding, rank, minimum=0)
        if any(extra >= step for extra, step in zip(more, steps, strict=True)):
            raise ValueError(
                f"{op}: `output_padding` must be strictly less than `strides` along each axis. "
                f"Received: output_padding={output_padding}, strides={strides}."
            )
    return SettledTranspose(
        steps,
        geometry.settled_padding(op, padding, rank),
        more,
        geometry.int_tuple(op, "dilation_rate", dilation_rate, rank),
        geometry.data_format(op, data_format) == "channels_first",
    )


def output_size(
    op: str, settled: SettledTranspose, input_size: Sequence[int | None], window: Sequence[int]
) -> tuple[int | None, ...]:
    """How many results each spatial axis gives; an axis of unknown size (None) stays unknown.

    Raises:
        ValueError: if an axis would give none.

    Example:
    >>> from pyconv.ops.conv_transpose import output_size, settle_transpose
    >>> settled = settle_transpose("conv_transpose", 2, 2, "same", None, None, 1)
    >>> output_size("conv_transpose", settled, (7, None), window=(3, 3))
    (14, None)
    """
    sizes: list[int | None] = []
    axes = zip(input_size, window, settled.strides, settled.dilation, crops(settled, window), strict=True)
    for n, k, s, d, (before, after) in axes:
        size = None if n is None else (n - 1) * s + (k - 1) * d + 1 - before - after
        if size is not None and (n == 0 or size < 1):
            raise ValueError(
                f"{op}: the output would be empty. Received: input size={n}, window={k}, stride={s}, dilation={d}, of "
                f"which the windows cover {(n or 1) * s - s + (k - 1) * d + 1} and {before}+{after} are cut off."
            )
        sizes.append(size)
    return tuple(sizes)


def transposed(
    settled: SettledTranspose, x: Array, kernel: Kernel, bias: Kernel | None, activation: Activation = "linear"
) -> Array:
    """The operation on arrays that came through `as_float`, noted on the tape, which knows it without activation."""
    if settled.channels_first:
        last = settled._replace(channels_first=False)
        return shapes.channels_first(transposed(last, shapes.channels_last(x), kernel, bias, activation))
    weights = kernel.value if isinstance(kernel, Variable) else kernel
    if x.dtype != weights.dtype:
        return transposed(settled, *operands("conv_transpose", x, kernel, bias), activation)
    offset = bias.value if isinstance(bias, Variable) else bias
    problem = problem_of(config.get_precision(), settled, x.dtype, x.shape, weights.shape, activation)
    if offset is not None and offset.shape != (problem.in_channels,):
        raise ValueError(
            f"conv_transpose: bias must have shape ({problem.in_channels},), a number a filter. "
            f"Received: {offset.shape}."
        )
    plan = plan_for(_core.get_isa(), "backward_data", problem)
    y = _core.empty(problem.dtype, plan.src_shape)
    matrices = contiguous(weights)
    packed = kernel.packed(plan) if isinstance(kernel, Variable) else matrices
    plan.run(y, packed, None if offset is None else contiguous(offset), contiguous(x))
    if recording():
        record(y, *_links(problem, x, weights, offset, matrices))
    return y


def bound_to(
    settled: SettledTranspose, x: Array, kernel: Variable, bias: Variable | None, activation: Activation
) -> _core.BoundRun | None:
    """The operation on arrays like this one until a weight changes, noted nowhere; None if it isn't one plan's run."""
    weights = kernel.value
    if settled.channels_first or x.dtype != weights.dtype:
        return None
    problem = problem_of(config.get_precision(), settled, x.dtype, x.shape, weights.shape, activation)
    plan = plan_for(_core.get_isa(), "backward_data", problem)
    return plan.bind(kernel.packed(plan), None if bias is None else bias.value)


@functools.lru_cache(maxsize=256)
def problem_of(
    precision: config.Precision,
    settled: SettledTranspose,
    dtype: np.dtype[Any],
    x_shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    activation: Activation = "linear",
) -> Problem:
    """The convolution whose data gradient this is: its input is our result, its kernel ours."""
    op, (*window, filters, channels) = "conv_transpose", kernel_shape
    if x_shape[-1] != channels:
        raise ValueError(
            f"{op}: inputs and kernel (its axis -1) must have equally many channels. Received: channels={x_shape[-1]}, "
            f"inputs.shape={x_shape} (channels last), kernel.shape={kernel_shape}."
        )
    if 0 in kernel_shape:
        raise ValueError(f"{op}: kernel must hold elements along each axis. Received: kernel.shape={kernel_shape}.")
    sizes = tuple(size for size in output_size(op, settled, x_shape[1:-1], window) if size is not None)
    geometry.require_addressable(op, (x_shape[0], *sizes, filters))
    # What is added at the end lies beyond all windows: less than a stride, it makes room for no further one.
    pads = tuple((before, max(after, 0)) for before, after in crops(settled, window))
    return Problem(
        "conv",
        dtype_name(dtype),
        x_shape[0],
        filters,
        channels,
        1,
        sizes,
        tuple(window),
        settled.strides,
        settled.dilation,
        pads,
        precision,
        activation,
        NEGATIVE_SLOPE if activation == "leaky_relu" else 0.0,
    )


def crops(settled: SettledTranspose, window: Sequence[int]) -> list[tuple[int, int]]:
    """What each axis loses before and after of all that the windows cover; negative where zeros are added.

    "same" is what Keras' JAX backend computes, and TensorFlow's for its output_padding=None: the crops of the forward
    convolution whose result has our input's size.
    """
    crops = []
    more = settled.output_padding or (None,) * len(window)
    for axis, (k, s, d, extra) in enumerate(zip(window, settled.strides, settled.dilation, more, strict=True)):
        span = (k - 1) * d + 1
        if settled.padding == "valid":
            crops.append((0, -(max(s - span, 0) if extra is None else extra)))
        elif settled.padding == "same":
            kept = s + span - 2 if extra is None else span + span % 2 - 2 + extra
            left = min(-(-kept // 2), span - 1)
            crops.append((span - 1 - left, span - 1 - (kept - left)))
        else:
            assert not isinstance(settled.padding, str)
            before, after = settled.padding[axis]
            crops.append((before, after - (extra or 0)))
    return crops


def _links(problem: Problem, x: Array, kernel: Array, bias: Array | None, matrices: Array) -> list[Link]:
    """The gradients of x, kernel and bias; matrices is the kernel as the plans read it."""

    def inputs_gradient(dy: Array) -> Array:
        made = plan_for(_core.get_isa(), "forward", problem)
        dx = _core.empty(problem.dtype, x.shape)
        made.run(contiguous(dy), matrices, None, dx)
        return dx

    def kernel_gradient(dy: Array) -> Array:
        made = plan_for(_core.get_isa(), "backward_weights", problem)
        diff_kernel = empty(kernel.shape, x.dtype)
        made.run(contiguous(dy), diff_kernel, None, contiguous(x))
        return diff_kernel

    links: list[Link] = [(x, inputs_gradient), (kernel, kernel_gradient)]
    if bias is not None:
        # In float64: NumPy adds rows one by one, and over many of them float32 would lose digits.
        links.append((bias, lambda dy: dy.sum(axis=tuple(range(dy.ndim - 1)), dtype=np.float64).astype(dy.dtype)))
    return links
