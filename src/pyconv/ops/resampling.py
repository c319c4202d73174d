"""Images at another resolution: each result is a weighted sum of a few pixels, one axis after the other."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from pyconv import _core
from pyconv.gradient import Array, record
from pyconv.ops.arrays import contiguous, dtype_name

# The slope of the cubic kernel at 1, as in TensorFlow and JAX: Keys, IEEE Trans. ASSP 29 (1981).
_KEYS = -0.5


def resample(x: Array, axis: int, size: int, interpolation: str, *, antialias: bool = False) -> Array:
    """The axis with `size` elements, which cover the same length: one of INTERPOLATIONS.

    Pixels are squares, so that the centre of result i lies at (i + 1/2) * n / size - 1/2. Where the axis becomes
    shorter, antialias widens what each result sees until none of the pixels is left out ("nearest" stays as it is).

    Example:
    >>> import numpy as np
    >>> from pyconv.ops.resampling import resample
    >>> resample(np.array([0.0, 4.0]), 0, 4, "bilinear")
    array([0., 1., 3., 4.])
    """
    return along_axis(x, axis, *taps(x.shape[axis], size, interpolation, antialias=antialias))


def taps(n: int, size: int, interpolation: str, *, antialias: bool = False) -> tuple[Array, Array]:
    """The elements of n that each of `size` results sees, and their weights, both (size, so many); see `resample`."""
    if interpolation == "nearest":
        return ((np.arange(size) * 2 + 1) * n // (2 * size))[:, None], np.ones((size, 1))
    radius, kernel = _KERNELS[interpolation]
    width = max(n / size, 1) if antialias else 1  # of a pixel that the kernel sees
    reach = math.ceil(radius * width)
    centre = (np.arange(size) + 0.5) * n / size - 0.5
    seen = np.floor(centre)[:, None] + np.arange(1 - reach, reach + 1)
    weights = kernel(np.abs(seen - centre[:, None]) / width)
    weights[(seen < 0) | (seen >= n)] = 0
    weights /= weights.sum(axis=1, keepdims=True)  # beyond the border there is nothing, the others share
    return _without_idle(np.clip(seen, 0, n - 1).astype(np.intp), weights)


def along_axis(x: Array, axis: int, elements: Array, weights: Array) -> Array:
    """y[.., i, ..] = sum over j of weights[i, j] * x[.., elements[i, j], ..].

    An element of weight zero isn't read, so that its NaN stays where it is.

    Example:
    >>> import numpy as np
    >>> from pyconv.ops.resampling import along_axis
    >>> along_axis(np.array([1.0, 2.0, 5.0]), 0, np.array([[0, 1], [1, 2]]), np.array([[0.5, 0.5], [1.0, 0.0]]))
    array([1.5, 2. ])
    """
    elements, weights = _without_idle(elements, weights)
    n, dtype = x.shape[axis], x.dtype
    before, after = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    one = np.zeros((1, 1), np.int64), np.ones((1, 1))
    plan = _core.Resampling(dtype_name(dtype), before, n, 1, after, (elements, weights), one)
    y = plan.run(contiguous(x).reshape(before, n, 1, after))
    y = y.reshape(*x.shape[:axis], len(elements), *x.shape[axis + 1 :])

    def gradient(dy: Array) -> Array:
        matrix = np.zeros((n, len(elements)), dtype)
        np.add.at(matrix, (elements, np.arange(len(elements))[:, None]), weights)
        dx: Array = np.moveaxis(np.tensordot(matrix, dy, (1, axis)), 0, axis)
        return dx

    record(y, (x, gradient))
    return y


def _without_idle(elements: Array, weights: Array) -> tuple[Array, Array]:
    """The same sums, where an element of weight zero is replaced by one that is read anyway."""
    read = np.take_along_axis(elements, weights.argmax(axis=1)[:, None], 1)
    return np.where(weights == 0, read, elements), weights


def _triangle(distance: Array) -> Array:
    height: Array = np.maximum(1 - distance, 0)
    return height


def _cubic(distance: Array) -> Array:
    near = ((_KEYS + 2) * distance - (_KEYS + 3)) * distance**2 + 1
    far = _KEYS * (((distance - 5) * distance + 8) * distance - 4)
    weights: Array = np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
    return weights


def _lanczos(radius: int, distance: Array) -> Array:
    """sinc(x) sinc(x / radius) within the radius: Duchon, Journal of Applied Meteorology 18 (1979)."""
    weights: Array = np.where(distance < radius, np.sinc(distance) * np.sinc(distance / radius), 0.0)
    return weights


# How far each kernel reaches, in pixels, and its weight at a distance.
_KERNELS: dict[str, tuple[int, Callable[[Array], Array]]] = {
    "bilinear": (1, _triangle),
    "bicubic": (2, _cubic),
    "lanczos3": (3, functools.partial(_lanczos, 3)),
    "lanczos5": (5, functools.partial(_lanczos, 5)),
}
INTERPOLATIONS = ("nearest", *_KERNELS)
