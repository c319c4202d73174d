"""Means and variances, and numbers freed of them: what normalising layers compute."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import _core, config
from pyconv.arguments import number
from pyconv.gradient import Array, Link, record, recording
from pyconv.ops.arithmetic import add, multiply, rsqrt, sqrt, square, subtract
from pyconv.ops.arrays import as_float, as_floats, contiguous
from pyconv.ops.conv_plans import Activation
from pyconv.ops.geometry import axis_tuple, one_axis
from pyconv.ops.reductions import mean_over
from pyconv.ops.shapes import reshape, squeeze, sum_to


def moments(x: ArrayLike, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple[Array, Array]:
    """The mean and the variance, the mean squared distance from it, along axes.

    Args:
        x: an array.
        axes: the axis or axes, None for all.
        keepdims: whether they stay, with size one.
        synchronized: must be False, there are no other devices.

    Raises:
        ValueError: if x has no such axis, or there is nothing along it.

    Example:
    >>> from pyconv import ops
    >>> [float(moment) for moment in ops.moments([1.0, 3.0], 0)]
    [2.0, 1.0]
    """
    if synchronized is not False:
        raise ValueError(f"moments: synchronized must be False. Received: synchronized={synchronized!r:.60}.")
    source = as_float("moments", "x", x)
    places = axis_tuple("moments", axes, source.ndim, name="axes")
    centre, spread = _moments("moments", source, places)
    return (centre, spread) if keepdims else (squeeze(centre, places), squeeze(spread, places))


def var(x: ArrayLike, axis: Any = None, keepdims: bool = False) -> Array:
    """The variance, the mean squared distance from the mean, along axes; arguments and errors as in `mean`."""
    return _variance("var", x, axis, keepdims)


def std(x: ArrayLike, axis: Any = None, keepdims: bool = False) -> Array:
    """The standard deviation, the root of `var`; arguments and errors as there."""
    return sqrt(_variance("std", x, axis, keepdims))


def _variance(op: str, x: ArrayLike, axis: Any, keepdims: bool) -> Array:
    source = as_float(op, "x", x)
    places = axis_tuple(op, axis, source.ndim)
    spread = _moments(op, source, places)[1]
    return spread if keepdims else squeeze(spread, places)


def _moments(op: str, x: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Mean and variance of an array that came through `as_float`; the axes stay."""
    centre = mean_over(op, x, axes, keepdims=True)
    return centre, mean_over(op, square(subtract(x, centre)), axes, keepdims=True)


def batch_normalization(
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    axis: int,
    offset: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    epsilon: float = 0.001,
) -> Array:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, with numbers of its own for each place along an axis.

    Args:
        x: an array.
        mean: numbers (C,), where C is the size of x along axis.
        variance: numbers (C,).
        axis: the axis.
        offset: numbers (C,), None for zeros.
        scale: numbers (C,), None for ones.
        epsilon: keeps a variance of zero from being divided by.

    Raises:
        TypeError: if an argument doesn't hold real numbers.
        ValueError: if x has no such axis, or one of the others isn't as long.

    Example:
    >>> from pyconv import ops
    >>> ops.batch_normalization([[3.0, 5.0]], [1.0, 2.0], [4.0, 9.0], -1, epsilon=0.0)
    array([[1., 1.]], dtype=float32)
    """
    op = "batch_normalization"
    epsilon = number(op, "epsilon", epsilon)
    numbers: dict[str, Any] = {"mean": mean, "variance": variance, "offset": offset, "scale": scale}
    given = {name: value for name, value in numbers.items() if value is not None or name in ("mean", "variance")}
    # Of one dtype from the start: a variance of float32 must not be rounded as such beside float64.
    source, *rest = as_floats(op, x=x, **given)
    place = one_axis(op, axis, source.ndim)
    shape = [1] * source.ndim
    shape[place] = source.shape[place]
    arrays = dict(zip(given, rest, strict=True))
    for name, array in arrays.items():
        if array.shape != (shape[place],):
            raise ValueError(
                f"{op}: {name} must have the shape ({shape[place]},), a number for each place along "
                f"axis {axis} of x. Received: {name}.shape={array.shape}, x.shape={source.shape}."
            )
    if place == source.ndim - 1 and source.size and not recording():
        others = arrays.get("offset"), arrays.get("scale")
        return normalize_channels(source, arrays["mean"], arrays["variance"], *others, epsilon)
    # On small arrays all that doesn't need x: it is multiplied once and added to once.
    factor = rsqrt(add(arrays["variance"], epsilon))
    if "scale" in arrays:
        factor = multiply(factor, arrays["scale"])
    shift = multiply(arrays["mean"], factor)
    shift = subtract(arrays["offset"], shift) if "offset" in arrays else multiply(shift, -1)
    return add(multiply(source, reshape(factor, shape)), reshape(shift, shape))


def normalize_channels(
    x: Array, mean: Array, variance: Array, offset: Array | None, scale: Array | None, epsilon: float
) -> Array:
    """`batch_normalization` along the last axis, in one pass of the core; not noted on the tape.

    All arrays are of one dtype, and x has elements.
    """
    factor = 1 / np.sqrt(variance + x.dtype.type(epsilon))
    if scale is not None:
        factor *= scale
    shift = np.zeros_like(mean) if offset is None else offset
    rows = contiguous(x).reshape(-1, x.shape[-1])
    return _core.ChannelNormalization(rows, contiguous(mean), factor, contiguous(shift)).run().reshape(x.shape)


def layer_normalization(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    axis: int | Sequence[int] = -1,
    epsilon: float | None = None,
) -> Array:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, where mean and variance are those along axes of x.

    Args:
        x: an array.
        gamma: numbers of the shape that x has along axis, None for ones.
        beta: likewise, None for zeros.
        axis: the axis or axes.
        epsilon: keeps a variance of zero from being divided by; None for `pyconv.config.epsilon()`.

    Raises:
        TypeError: if an argument doesn't hold real numbers.
        ValueError: if x has no such axis, or gamma or beta doesn't fit it.

    Example:
    >>> from pyconv import ops
    >>> ops.layer_normalization([[1.0, 3.0], [5.0, 5.0]], epsilon=1e-9)
    array([[-1.,  1.],
           [ 0.,  0.]], dtype=float32)
    """
    source = as_float("layer_normalization", "x", x)
    axes = axis_tuple("layer_normalization", axis, source.ndim)
    scale, offset = (
        _along("layer_normalization", name, a, source, axes) for name, a in (("gamma", gamma), ("beta", beta))
    )
    small = _epsilon("layer_normalization", epsilon)
    if _along_rows(source, axes, scale, offset):
        return _core.row_normalize(contiguous(source), True, small, _flat(scale), _flat(offset))
    return standardize("layer_normalization", source, axes, small, scale, offset)[0]


def rms_normalization(
    x: ArrayLike, scale: ArrayLike | None = None, axis: int | Sequence[int] = -1, epsilon: float | None = None
) -> Array:
    """The quotient x / sqrt(mean of x * x + epsilon), times scale, the mean taken along axes.

    Arguments and errors as in `layer_normalization`.

    Example:
    >>> from pyconv import ops
    >>> ops.rms_normalization([[3.0, 4.0]], scale=[1.0, 2.0]).round(4)
    array([[0.8485, 2.2627]], dtype=float32)
    """
    source = as_float("rms_normalization", "x", x)
    axes = axis_tuple("rms_normalization", axis, source.ndim)
    factor = _along("rms_normalization", "scale", scale, source, axes)
    small = _epsilon("rms_normalization", epsilon)
    if _along_rows(source, axes, factor):
        return _core.row_normalize(contiguous(source), False, small, _flat(factor))
    power = mean_over("rms_normalization", square(source), axes, keepdims=True)
    y = multiply(source, rsqrt(add(power, small)))
    return y if factor is None else multiply(y, factor)


def standardize(
    op: str, x: Array, axes: tuple[int, ...], epsilon: float, scale: Array | None, offset: Array | None
) -> tuple[Array, Array, Array]:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, and mean and variance along axes, which stay.

    scale and offset are broadcast to x. The gradient of x goes through the mean and the variance, too. With
    z the result before scale and offset, dz its gradient and s = sqrt(variance + epsilon):

        dx = (dz - mean(dz) - z * mean(dz * z)) / s
    """
    if (count := math.prod(x.shape[axis] for axis in axes)) == 0:
        raise ValueError(f"{op}: there must be elements to take the mean of. Received: x.shape={x.shape}.")
    if axes == tuple(range(x.ndim - 1)) and all(a is None or a.dtype == x.dtype for a in (scale, offset)):
        return standardize_channels(x, epsilon, scale, offset)

    dtype = x.dtype

    def average(array: Array) -> Array:
        # In float64: NumPy adds rows one by one, and over many of them float32 would lose digits.
        kept: Array = np.asarray(array.sum(axis=axes, keepdims=True, dtype=np.float64) / count, dtype)
        return kept

    centre = average(x)
    z = x - centre
    variance = average(z * z)
    inverse = 1 / np.sqrt(variance + x.dtype.type(epsilon))
    z *= inverse
    y = z.copy() if scale is None else z * scale
    if offset is not None:
        y += offset

    def x_gradient(dy: Array) -> Array:
        dz = dy if scale is None else dy * scale
        dx: Array = (dz - average(dz) - z * average(dz * z)) * inverse
        return dx

    links: list[Link] = [(x, x_gradient)]
    if scale is not None:
        shape = scale.shape
        links.append((scale, lambda dy: sum_to(dy * z, shape)))
    if offset is not None:
        lengths = offset.shape
        links.append((offset, lambda dy: sum_to(dy, lengths)))
    record(y, *links)
    return y, centre, variance


def standardize_channels(
    x: Array,
    epsilon: float,
    scale: Array | None,
    offset: Array | None,
    activation: Activation = "linear",
    residual: Array | None = None,
) -> tuple[Array, Array, Array]:
    """`standardize` along all axes but the last, by the core, which reads x once for the moments and once for y.

    That is activation(result + residual), relu or relu6: one pass over memory rather than three, and one less for
    the gradient. All arrays are of one dtype, the residual of x's shape.
    """
    rows = contiguous(x).reshape(-1, x.shape[-1])
    centre, variance = _core.channel_moments(rows)
    inverse = 1 / np.sqrt(variance + x.dtype.type(epsilon))
    factor = inverse if scale is None else inverse * scale.ravel()
    shift = np.zeros_like(centre) if offset is None else offset.ravel()
    added = None if residual is None else contiguous(residual).reshape(rows.shape)
    normalization = _core.ChannelNormalization(rows, centre, factor, shift, activation)
    y = normalization.run(added).reshape(x.shape)
    x_shape = x.shape
    if residual is not None:  # z alone doesn't tell what the activation did
        normalization = _core.ChannelNormalization(rows, centre, factor, shift)

    # The sums of dy and of dy * (x - mean) serve all three gradients, for the same dy.
    kept: dict[str, Array] = {}

    def sums(dy: Array) -> tuple[Array, Array]:
        if kept.get("dy") is not dy:
            matrix = contiguous(dy).reshape(rows.shape)
            total, product = normalization.gradient_sums(matrix)
            kept.update(dy=dy, total=total, product=product)
        return kept["total"], kept["product"]

    def x_gradient(dy: Array) -> Array:
        total, product = sums(dy)
        matrix = contiguous(dy).reshape(rows.shape)
        slope, lift = factor * inverse * inverse * product / -len(rows), factor * total / -len(rows)
        return normalization.gradient(matrix, slope, lift).reshape(x_shape)

    links: list[Link] = [(x, x_gradient)]
    if scale is not None:
        scale_shape = scale.shape
        links.append((scale, lambda dy: (sums(dy)[1] * inverse).reshape(scale_shape)))
    if offset is not None:
        offset_shape = offset.shape
        links.append((offset, lambda dy: sums(dy)[0].reshape(offset_shape)))
    if residual is not None:
        links.append((residual, lambda dy: dy))
    if residual is None or activation == "linear":
        record(y, *links)
    else:
        before = y.view()
        record(before, *links)
        record(y, (before, lambda dy: _core.activation_backward(activation, 0.0, y, contiguous(dy))))
    shape = (1,) * (x.ndim - 1) + centre.shape
    return y, centre.reshape(shape), variance.reshape(shape)


def _along(op: str, name: str, numbers: ArrayLike | None, x: Array, axes: tuple[int, ...]) -> Array | None:
    """Numbers for the places along axes, with axes of size one for the others."""
    if numbers is None:
        return None
    array, _ = as_floats(op, **{name: numbers, "x": x})
    if array.shape != (sizes := tuple(x.shape[axis] for axis in axes)):
        raise ValueError(
            f"{op}: {name} must have the shape {sizes} of x along axis. Received: {name}.shape={array.shape}."
        )
    return reshape(array, tuple(size if axis in axes else 1 for axis, size in enumerate(x.shape)))


def _along_rows(x: Array, axes: tuple[int, ...], *numbers: Array | None) -> bool:
    """Whether the core normalises x along axes: it knows the last alone, and no gradient."""
    return (
        axes == (x.ndim - 1,)
        and x.shape[-1] > 0
        and not recording()
        and all(array is None or array.dtype == x.dtype for array in numbers)
    )


def _flat(numbers: Array | None) -> Array | None:
    return None if numbers is None else contiguous(numbers.ravel())


def _epsilon(op: str, epsilon: float | None) -> float:
    return config.epsilon() if epsilon is None else number(op, "epsilon", epsilon)
