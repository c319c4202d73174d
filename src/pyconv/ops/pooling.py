"""Max- and average-pooling. No arithmetic: the core does that."""

from __future__ import annotations

import functools
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from pyconv import _core
from pyconv.gradient import Array, record
from pyconv.ops import geometry, shapes
from pyconv.ops.arrays import as_float, contiguous, dtype_name


def max_pool(
    inputs: ArrayLike,
    pool_size: Any,
    strides: Any = None,
    padding: Any = "valid",
    data_format: str | None = None,
) -> Array:
    """The largest number of each window, channel by channel; NaN where the window holds one.

    Args:
        inputs: images (N, *spatial, C), or (N, C, *spatial) with data_format="channels_first", with one to three
            spatial axes.
        pool_size: the size of the window, an integer or one an axis.
        strides: the step of the window, likewise; None for pool_size.
        padding: as in `pyconv.ops.conv`; what is padded never wins.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.

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
    return _pool("max_pool", "max", inputs, pool_size, strides, padding, data_format)


def average_pool(
    inputs: ArrayLike,
    pool_size: Any,
    strides: Any = None,
    padding: Any = "valid",
    data_format: str | None = None,
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
    return _pool("average_pool", "average", inputs, pool_size, strides, padding, data_format)


# A plan holds kernels of the ISA it was made for, so the ISA belongs to the key.
@functools.lru_cache(maxsize=256)
def _plan(isa: str, *arguments: Any) -> _core.PoolPlan:
    return _core.PoolPlan(*arguments)


def _pool(
    op: str,
    kind: Literal["max", "average"],
    inputs: ArrayLike,
    pool_size: Any,
    strides: Any,
    padding: Any,
    data_format: str | None,
) -> Array:
    x = as_float(op, "inputs", inputs)
    if not 3 <= x.ndim <= 5:
        raise ValueError(
            f"{op}: inputs must have 3, 4 or 5 axes (one to three of them spatial). Received: inputs.shape={x.shape}."
        )
    if geometry.data_format(op, data_format) == "channels_first":
        y = _pool(op, kind, shapes.channels_last(x), pool_size, strides, padding, "channels_last")
        return shapes.channels_first(y)
    batch, *size, channels = x.shape
    window = geometry.int_tuple(op, "pool_size", pool_size, len(size))
    steps = window if strides is None else geometry.int_tuple(op, "strides", strides, len(size))
    dense = (1,) * len(size)
    pads = geometry.resolve_pads(op, padding, size, window, steps, dense)
    if any(pad >= length for pair, length in zip(pads, window, strict=True) for pad in pair):
        raise ValueError(
            f"{op}: padding must be less than pool_size, a window must see some of the input. "
            f"Received: padding={padding!r}, pool_size={pool_size!r}."
        )
    plan = _plan(_core.get_isa(), op, kind, dtype_name(x), batch, channels, tuple(size), window, steps, dense, pads)
    src = contiguous(x)
    y = np.empty((batch, *plan.output_size, channels), x.dtype)
    plan.forward(src, y)

    def inputs_gradient(dy: Array) -> Array:
        dx = np.empty(x.shape, x.dtype)
        plan.backward(src, contiguous(dy), dx)
        return dx

    record(y, (x, inputs_gradient))
    return y
