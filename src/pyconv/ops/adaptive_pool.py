"""Pooling to a given output size: the windows follow from it. Where they are all alike, pooling.py does it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from pyconv.gradient import Array, record
from pyconv.ops import geometry
from pyconv.ops.arrays import as_float
from pyconv.ops.pooling import pool, settle
from pyconv.ops.resampling import along_axis

Operation = Literal["adaptive_max_pool", "adaptive_average_pool"]


def adaptive_average_pool(inputs: ArrayLike, output_size: Any, data_format: str | None = None) -> Array:
    """The mean of each of output_size windows along each axis.

    Window i of o along an axis of size n reaches from floor(i * n / o) to before ceil((i + 1) * n / o), so that the
    windows cover the axis and overlap by one element at most.

    Args:
        inputs: images (N, *spatial, C), or (N, C, *spatial) with data_format="channels_first".
        output_size: the number of windows, an integer or one an axis; None for an axis to be left as it is.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.

    Returns:
        (N, *output_size, C), or (N, C, *output_size), of the dtype of inputs.

    Raises:
        TypeError: if inputs doesn't hold real numbers or a size isn't an integer.
        ValueError: if a size is less than 1 or inputs has nothing along an axis.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> ops.adaptive_average_pool(np.arange(5.0).reshape(1, 5, 1), 2).ravel()
    array([1., 3.])
    """
    return _adaptive("adaptive_average_pool", inputs, output_size, data_format)


def adaptive_max_pool(inputs: ArrayLike, output_size: Any, data_format: str | None = None) -> Array:
    """The largest number of each window; arguments, windows and errors as in `adaptive_average_pool`."""
    return _adaptive("adaptive_max_pool", inputs, output_size, data_format)


def windows(n: int, o: int) -> tuple[Array, Array]:
    """The elements of each of o windows over n, (o, longest), and how many are in it, (o); short ones repeat the last.

    Example:
    >>> from pyconv.ops.adaptive_pool import windows
    >>> [array.tolist() for array in windows(5, 2)]
    [[[0, 1, 2], [2, 3, 4]], [3, 3]]
    """
    i = np.arange(o)
    begin, end = i * n // o, -(-(i + 1) * n // o)
    counts = end - begin
    return np.minimum(begin[:, None] + np.arange(counts.max()), end[:, None] - 1), counts


def _adaptive(op: Operation, inputs: ArrayLike, output_size: Any, data_format: str | None) -> Array:
    x = as_float(op, "inputs", inputs)
    if not 3 <= x.ndim <= 5:
        raise ValueError(
            f"{op}: inputs must have 3, 4 or 5 axes (one to three of them spatial). Received: inputs.shape={x.shape}."
        )
    first = 2 if geometry.data_format(op, data_format) == "channels_first" else 1
    size = x.shape[first : first + x.ndim - 2]
    wanted = output_sizes(op, output_size, x.ndim - 2)
    if 0 in x.shape[1:]:
        raise ValueError(f"{op}: inputs must hold elements along each axis. Received: inputs.shape={x.shape}.")
    out = tuple(n if o is None else o for n, o in zip(size, wanted, strict=True))
    if all(n % o == 0 for n, o in zip(size, out, strict=True)):
        window = tuple(n // o for n, o in zip(size, out, strict=True))
        kind: Any = op.removeprefix("adaptive_")
        return pool(settle(kind, len(size), window, None, "valid", data_format), x)
    for axis, (n, o) in enumerate(zip(size, out, strict=True), first):
        elements, counts = windows(n, o)
        if op == "adaptive_max_pool":
            x = _max_along_axis(x, axis, elements)
        else:
            # The mean over a box is the mean of means: all windows along the other axes are as long.
            inside = np.arange(elements.shape[1]) < counts[:, None]
            x = along_axis(x, axis, elements, inside / counts[:, None])
    return x


def output_sizes(op: str, output_size: Any, rank: int) -> tuple[int | None, ...]:
    """The argument output_size as one number of windows, or None, for each axis."""
    if not geometry.is_sequence(output_size):
        output_size = (output_size,) * rank
    if len(items := tuple(output_size)) != rank:
        raise ValueError(f"{op}: output_size must be an integer or {rank} of them. Received: {output_size!r}.")
    return tuple(None if item is None else geometry.integer(op, "output_size", item) for item in items)


def _max_along_axis(x: Array, axis: int, elements: Array) -> Array:
    """y[.., i, ..] = the largest x[.., elements[i, j], ..]; the first of equal ones gets the gradient."""
    o, longest = elements.shape
    rows = np.moveaxis(x, axis, -1)
    candidates = rows[..., elements.ravel()].reshape(*rows.shape[:-1], o, longest)
    winners = candidates.argmax(axis=-1)  # also of a NaN, so that NaN comes through
    y = np.ascontiguousarray(np.moveaxis(np.take_along_axis(candidates, winners[..., None], -1)[..., 0], -1, axis))

    def gradient(dy: Array) -> Array:
        n = rows.shape[-1]
        places = elements[np.arange(o), winners].reshape(-1, o)
        places += np.arange(len(places))[:, None] * n
        sums = np.bincount(places.ravel(), weights=np.moveaxis(dy, axis, -1).ravel(), minlength=x.size)
        return np.moveaxis(sums.reshape(rows.shape), -1, axis).astype(x.dtype)

    record(y, (x, gradient))
    return y
