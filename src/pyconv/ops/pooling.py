"""Max- and average-pooling. No arithmetic: the core does that. Arguments are settled first, as in conv.py."""

from __future__ import annotations

import functools
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from pyconv import _core
from pyconv.gradient import Array, record, recording
from pyconv.ops import geometry, shapes
from pyconv.ops.arrays import as_float, checked_out, contiguous, dtype_name
from pyconv.results import empty


def max_pool(
    inputs: ArrayLike,
    pool_size: Any,
    strides: Any = None,
    padding: Any = "valid",
    data_format: str | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """The largest number of each window, channel by channel; NaN where the window holds one.

    Args:
        inputs: images (N, *spatial, C), or (N, C, *spatial) with data_format="channels_first", with one to three
            spatial axes.
        pool_size: the size of the window, an integer or one an axis.
        strides: the step of the window, likewise; None for pool_size.
        padding: as in `pyconv.ops.conv`; what is padded never wins.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        out: as in `pyconv.ops.conv`.

    Returns:
        (N, *output, C), or (N, C, *output): float64 if inputs is float64, otherwise float32.

    Raises:
        TypeError: if inputs doesn't hold real numbers or a size isn't an integer.
        ValueError: if a size is out of range or the output would be empty.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> image = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> ops.max_pool(image, 2)[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    return _settled_pool("max_pool", inputs, pool_size, strides, padding, data_format, out)


def average_pool(
    inputs: ArrayLike,
    pool_size: Any,
    strides: Any = None,
    padding: Any = "valid",
    data_format: str | None = None,
    *,
    out: Array | None = None,
) -> Array:
    """The mean of each window, channel by channel; what is padded isn't counted.

    Args, results and errors as in `max_pool`.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> image = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> ops.average_pool(image, 2)[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    return _settled_pool("average_pool", inputs, pool_size, strides, padding, data_format, out)


Operation = Literal["max_pool", "average_pool"]
_KINDS: dict[Operation, Literal["max", "average"]] = {"max_pool": "max", "average_pool": "average"}


class Settled(NamedTuple):
    """An operation's arguments, checked, before any array is seen; equal ones share their plans."""

    op: Operation
    pool_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str | geometry.Pads
    channels_first: bool


def settle(op: Operation, rank: int, pool_size: Any, strides: Any, padding: Any, data_format: str | None) -> Settled:
    """Checks the arguments of `max_pool` and `average_pool` in `rank` dimensions."""
    window = geometry.int_tuple(op, "pool_size", pool_size, rank)
    return Settled(
        op,
        window,
        window if strides is None else geometry.int_tuple(op, "strides", strides, rank),
        geometry.settled_padding(op, padding, rank),
        geometry.data_format(op, data_format) == "channels_first",
    )


def pool(settled: Settled, x: Array, out: Array | None = None) -> Array:
    """The operation on an array that came through `as_float`, noted on the tape."""
    return (_channels_first if settled.channels_first else _channels_last)(settled, x, out)


def bound_to(settled: Settled, x: Array) -> _core.BoundRun | None:
    """The operation on arrays like this one, noted nowhere; None if it isn't a run of one plan."""
    return None if settled.channels_first else _plan(_core.get_isa(), settled, x.dtype, x.shape)[0].bind()


def global_pool(op: Operation, x: Array) -> Array:
    """One window over each image, channels last, as (N, 1, ..., 1, C); not noted on the tape."""
    return _channels_last(_global(op, x), x, None)


def global_bound_to(op: Operation, x: Array, shape: tuple[int, ...] | None) -> _core.BoundRun:
    """The same on arrays like this one, with results of a shape of so many elements."""
    return _plan(_core.get_isa(), _global(op, x), x.dtype, x.shape)[0].bind(shape)


def _global(op: Operation, x: Array) -> Settled:
    size = x.shape[1:-1]
    return Settled(op, size, (1,) * len(size), "valid", False)


# Lines at least this long fill vectors by themselves. Shorter ones are better transposed, and so is what needs
# gradients, whose vectors lie along the channels. Medians of 2x2 and 3x3 poolings on one thread: 112x112x64 as planes
# takes 0.64 of the time of transposes, a batch of 16 half; 35x35x192 2.9 times and 7x7x832 7 times as long.
_PLANE_WIDTH = 64


def _channels_first(settled: Settled, x: Array, out: Array | None) -> Array:
    batch, channels, *size = x.shape
    if recording() or size[-1] < _PLANE_WIDTH:
        last = _channels_last(settled, shapes.channels_last(x), None)
        if out is not None:
            shape = (batch, channels, *last.shape[1:-1])
            return shapes.channels_first(last, checked_out(settled.op, out, shape, x.dtype, x))
        return shapes.channels_first(last)
    images = x.reshape(batch * channels, *size, 1)
    _, (_, *output, _) = _plan(_core.get_isa(), settled, x.dtype, images.shape)
    shape = (batch, channels, *output)
    y = empty(shape, x.dtype) if out is None else checked_out(settled.op, out, shape, x.dtype, x)
    _channels_last(settled, images, y.reshape(batch * channels, *output, 1))
    return y


# A plan holds kernels of the ISA it was made for, so the ISA belongs to the key. Plans are small, as in conv.py.
@functools.lru_cache(maxsize=256)
def _plan(
    isa: str, settled: Settled, dtype: np.dtype[Any], x_shape: tuple[int, ...]
) -> tuple[_core.PoolPlan, tuple[int, ...]]:
    """The plan for an array of this shape, channels last, and the result's shape."""
    op, window, strides, padding, _ = settled
    batch, *size, channels = x_shape
    dense = (1,) * len(size)
    pads = geometry.resolve_pads(op, padding, size, window, strides, dense)
    plan = _core.PoolPlan(op, _KINDS[op], dtype_name(dtype), batch, channels, size, window, strides, dense, pads)
    return plan, (batch, *plan.output_size, channels)


def _settled_pool(
    op: Operation,
    inputs: ArrayLike,
    pool_size: Any,
    strides: Any,
    padding: Any,
    data_format: str | None,
    out: Array | None,
) -> Array:
    x = as_float(op, "inputs", inputs)
    if not 3 <= x.ndim <= 5:
        raise ValueError(
            f"{op}: inputs must have 3, 4 or 5 axes (one to three of them spatial). Received: inputs.shape={x.shape}."
        )
    if 0 in x.shape[1:]:
        raise ValueError(f"{op}: inputs must hold elements along each axis. Received: inputs.shape={x.shape}.")
    return pool(settle(op, x.ndim - 2, pool_size, strides, padding, data_format), x, out)


def _channels_last(settled: Settled, x: Array, out: Array | None) -> Array:
    plan, shape = _plan(_core.get_isa(), settled, x.dtype, x.shape)
    if out is not None:
        checked_out(settled.op, out, shape, x.dtype, x)
    src = contiguous(x)
    y = plan.forward(src, out)
    if not recording():
        return y

    src_shape, dtype = src.shape, dtype_name(src.dtype)
    compared = src if settled.op == "max_pool" else None  # an average's gradient needs no inputs

    def inputs_gradient(dy: Array) -> Array:
        dx = _core.empty(dtype, src_shape)
        plan.backward(dx if compared is None else compared, contiguous(dy), dx)
        return dx

    record(y, (x, inputs_gradient))
    return y
