"""Convolutions, and the matrix product of Dense as one of them. No arithmetic: the core does that.

Each operation goes the same way. Its arguments are settled: checked and brought into one form, by a layer once for all.
With the shapes of the arrays they are the key to a plan: what depends on sizes is checked when that is made, and not
again while it is kept.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from pyconv import _core, config
from pyconv.gradient import Array, recording
from pyconv.ops import geometry, shapes
from pyconv.ops.arrays import as_floats, checked_out, contiguous
from pyconv.ops.conv_gradients import record_convolution
from pyconv.ops.conv_plans import Activation, Operation, Request, Settled, Tuned, forward
from pyconv.variable import Variable


def conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
    *,
    bias: ArrayLike | None = None,
    out: Array | None = None,
) -> Array:
    """Convolution in one, two or three dimensions, in the sense of deep learning: the kernel isn't flipped.

    y[n, o, f] = bias[f] + sum over t, c of x[n, o * strides + t * dilation_rate - pads, c] * kernel[t, c, f]

    There are C / kernel.shape[-2] groups: each sees its share of the channels and makes its share of the filters.

    Args:
        inputs: images (N, *spatial, C), or (N, C, *spatial) with data_format="channels_first".
        kernel: weights (*window, C / groups, F); its rank chooses the number of dimensions. Those of a `Variable`
            are kept in the order that the core reads until they change, those of an array are reordered each time.
        strides: the step of the window, an integer or one an axis.
        padding: "valid" (none), "same" (ceil(size / stride) results an axis, the odd zero at the end), an
            integer, or one integer or (before, after) pair for each spatial axis.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        dilation_rate: the distance between the window's elements, an integer or one an axis; 1 is dense.
            It may be combined with strides.
        bias: numbers (F,) to add, one a filter.
        out: an array for the result, of its shape and dtype, C-contiguous, apart from the arguments' memory; not
            while a `Tape` records.

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
    x, weights, offset = operands("conv", inputs, kernel, bias)
    require_ranks("conv", x, weights)
    settled = settle("conv", x.ndim - 2, strides, padding, data_format, dilation_rate)
    return convolve(settled, x, weights, offset, out)


def depthwise_conv(
    inputs: ArrayLike,
    kernel: ArrayLike,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
    *,
    bias: ArrayLike | None = None,
    out: Array | None = None,
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
        out: as in `conv`.

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
    x, weights, offset = operands("depthwise_conv", inputs, kernel, bias)
    require_ranks("depthwise_conv", x, weights)
    settled = settle("depthwise_conv", x.ndim - 2, strides, padding, data_format, dilation_rate)
    return convolve(settled, x, weights, offset, out)


def dense(x: ArrayLike, kernel: ArrayLike, *, bias: ArrayLike | None = None, out: Array | None = None) -> Array:
    """Matrix product over the last axis: y[..., u] = bias[u] + sum over k of x[..., k] * kernel[k, u].

    Args:
        x: numbers (..., K).
        kernel: weights (K, U).
        bias: numbers (U,) to add.
        out: as in `conv`.

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
    rows, weights, offset = operands("dense", x, kernel, bias, names=("x", "kernel"))
    return convolve(DENSE, rows, weights, offset, out)


Kernel = Array | Variable


def settle(
    op: Operation,
    rank: int,
    strides: Any,
    padding: Any,
    data_format: str | None,
    dilation_rate: Any,
    asker: str | None = None,
) -> Settled:
    """Checks the arguments of `conv` and `depthwise_conv` in `rank` dimensions; errors name op or its asker."""
    asker = asker or op
    return Settled(
        op,
        geometry.int_tuple(asker, "strides", strides, rank),
        geometry.settled_padding(asker, padding, rank),
        geometry.int_tuple(asker, "dilation_rate", dilation_rate, rank),
        geometry.data_format(asker, data_format) == "channels_first",
    )


# The rows are the pixels of one line.
DENSE = Settled("dense", (1,), "valid", (1,), False)


def convolve(
    settled: Settled,
    x: Array,
    kernel: Kernel,
    bias: Kernel | None,
    out: Array | None = None,
    activation: Activation = "linear",
) -> Array:
    """The operation on arrays that came through `as_float`, noted on the tape.

    What a layer's call costs beside the core's work is here: a key, a result, the packed weights.
    """
    if isinstance(kernel, Variable) and out is None and not recording():
        return _convolve_kept(settled, x, kernel, bias, activation)
    return _convolve(settled, x, kernel, bias, out, activation)


class _Last(NamedTuple):
    """A weight's last convolution; the next is mostly alike, and its plan found here two microseconds earlier."""

    key: tuple[object, ...]
    bias: Variable | None
    plan: _core.ConvPlan
    shape: tuple[int, ...]


def _key(settled: Settled, x: Array, activation: Activation) -> tuple[object, ...]:
    return settled, activation, x.shape, x.dtype, _core.get_isa(), config.get_precision(), Tuned.version


def _convolve_kept(settled: Settled, x: Array, kernel: Variable, bias: Kernel | None, activation: Activation) -> Array:
    """By packed weights that are kept, and noted nowhere."""
    key = _key(settled, x, activation)
    last: _Last | None = kernel.last_use
    flags = x.flags
    if last is None or last.key != key or last.bias is not bias or not (flags.c_contiguous and flags.aligned):
        return _convolve(settled, x, kernel, bias, None, activation)
    offset = None if last.bias is None else last.bias.value
    if settled.op != "dense":
        return last.plan.run(x, kernel.packed(last.plan), offset)
    return last.plan.run(x.reshape(last.plan.src_shape), kernel.packed(last.plan), offset).reshape(last.shape)


def bound_to(
    settled: Settled, x: Array, kernel: Variable, bias: Variable | None, activation: Activation
) -> _core.BoundRun | None:
    """The operation on arrays like the last one, x, until a weight changes; None if it isn't a run of one plan."""
    last: _Last | None = kernel.last_use
    if last is None or last.key != _key(settled, x, activation) or last.bias is not bias:
        return None
    rows = x.shape[:-1] if settled.op == "dense" else None
    return last.plan.bind(kernel.packed(last.plan), None if bias is None else bias.value, rows)


def _convolve(
    settled: Settled, x: Array, kernel: Kernel, bias: Kernel | None, out: Array | None, activation: Activation
) -> Array:
    if settled.channels_first:
        return _channels_first(settled, x, kernel, bias, out, activation)
    weights = kernel.value if isinstance(kernel, Variable) else kernel
    if x.dtype != weights.dtype:
        return convolve(settled, *operands(settled.op, x, kernel, bias), out, activation)
    offset = bias.value if isinstance(bias, Variable) else bias
    kept = isinstance(kernel, Variable) and not recording()
    key = _key(settled, x, activation) if kept else ()  # before the plan: what changes meanwhile changes the next key
    shapes_of = x.shape, weights.shape, None if offset is None else offset.shape
    request = Request(_core.get_isa(), config.get_precision(), settled, x.dtype, *shapes_of, activation)
    problem, plan, shape = forward(request)
    src, dst = contiguous(x), out
    if dst is not None:
        dst = checked_out(settled.op, dst, shape, x.dtype, x, weights, offset)
    if settled.op == "dense":
        src, dst = src.reshape(plan.src_shape), None if dst is None else dst.reshape(plan.dst_shape)
    numbers = None if offset is None else contiguous(offset)
    if isinstance(kernel, Variable) and kept:
        y = plan.run(src, kernel.packed(plan), numbers, dst)
        if bias is None or isinstance(bias, Variable):
            kernel.last_use = _Last(key, bias, plan, shape)
        return y.reshape(shape) if out is None else out
    # A recorded run packs for itself: the optimizer's step that follows would drop the packed weights at once.
    matrices = contiguous(weights).reshape(plan.weights_shape)
    y = plan.run(src, matrices, numbers, dst).reshape(shape)
    if recording():
        record_convolution(y, problem, x, weights, offset, src, matrices)
    return y if out is None else out


def _channels_first(
    settled: Settled, x: Array, kernel: Kernel, bias: Kernel | None, out: Array | None, activation: Activation
) -> Array:
    settled = settled._replace(channels_first=False)
    last = convolve(settled, shapes.channels_last(x), kernel, bias, activation=activation)
    if out is None:
        return shapes.channels_first(last)
    shape = (len(last), last.shape[-1], *last.shape[1:-1])
    return shapes.channels_first(last, checked_out(settled.op, out, shape, last.dtype, x, kernel, bias))


def operands(
    op: str,
    inputs: ArrayLike,
    kernel: ArrayLike | Variable,
    bias: ArrayLike | Variable | None,
    names: tuple[str, str] = ("inputs", "kernel"),
) -> tuple[Array, Kernel, Array | None]:
    """The arguments, which errors call by `names`, as arrays of one dtype; a Variable that has it stays one."""
    given = dict(zip(names, (inputs, kernel), strict=True))
    x, weights, *offset = as_floats(op, **given, **({} if bias is None else {"bias": bias}))
    if isinstance(kernel, Variable) and weights is kernel.value:
        return x, kernel, offset[0] if offset else None
    return x, weights, offset[0] if offset else None


def require_ranks(op: str, x: Array, kernel: Kernel) -> None:
    rank = len(kernel.shape)
    if not 1 <= rank - 2 <= 3 or x.ndim != rank:
        raise ValueError(
            f"{op}: inputs and kernel must both have 3, 4 or 5 axes (one to three of them spatial). "
            f"Received: inputs.shape={x.shape}, kernel.shape={kernel.shape}."
        )
