"""Images seen through another grid: what `keras.ops.image` calls an affine transform. Other sizes: resampling.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv.gradient import Array, record
from pyconv.ops import geometry
from pyconv.ops.arrays import as_float

__all__ = ["affine_transform"]


def affine_transform(
    images: ArrayLike,
    transform: ArrayLike,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Array:
    """Images moved, turned, stretched or sheared, each by numbers of its own.

    The result's pixel in column x and row y is that of the input at (a0 x + a1 y + a2, b0 x + b1 y + b2).

    Args:
        images: (N, H, W, C), or (N, C, H, W) with data_format="channels_first".
        transform: (N, 8), or (8,) for all alike: a0, a1, a2, b0, b1, b2, 0, 0. No gradient goes through it.
        interpolation: "bilinear", or "nearest": the pixel whose centre is nearest, an even one of two.
        fill_mode: what lies outside: "constant" (fill_value), "nearest" (the border's pixel), "wrap" (the image
            again), "reflect" (d c b a | a b c d | d c b a) or "mirror" (d c b | a b c d | c b a).
        fill_value: see fill_mode.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.

    Returns:
        Images of the same shape: float64 if they are float64, otherwise float32.

    Raises:
        TypeError: if images or transform don't hold real numbers.
        ValueError: if a shape or word is another, or the last two numbers of a transform aren't zeros.

    Example:
    >>> import numpy as np
    >>> from pyconv.ops.image import affine_transform
    >>> row = np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1)
    >>> affine_transform(row, [1, 0, 0.5, 0, 1, 0, 0, 0], fill_mode="nearest").ravel()  # half a pixel to the left
    array([1.5, 2.5, 3. ])
    """
    op = "affine_transform"
    x = as_float(op, "images", images)
    matrices = as_float(op, "transform", transform).astype(np.float64)
    if x.ndim != 4:
        raise ValueError(f"{op}: images must have 4 axes. Received: images.shape={x.shape}.")
    if matrices.shape not in ((8,), (len(x), 8)) or matrices[..., 6:].any():
        raise ValueError(
            f"{op}: transform must have the shape (8,) or ({len(x)}, 8), with zeros at the end. "
            f"Received: transform.shape={matrices.shape}, {transform!r:.60}."
        )
    for name, given, allowed in (("interpolation", interpolation, _TAPS), ("fill_mode", fill_mode, _INSIDE)):
        if given not in allowed:
            raise ValueError(f"{op}: {name} must be one of {', '.join(allowed)}. Received: {name}={given!r}.")
    is_first = geometry.data_format(op, data_format) == "channels_first"
    last = np.moveaxis(x, 1, -1) if is_first else x
    batch, height, width, channels = last.shape
    matrices = np.broadcast_to(matrices, (batch, 8))
    shape, dtype = last.shape, x.dtype

    def taps(image: int) -> Iterator[_Tap]:
        return _taps(matrices[image], height, width, interpolation, fill_mode, dtype)

    # Image by image: the places and weights of a batch would take more memory than the batch itself.
    y = np.zeros((batch, height * width, channels), dtype)
    for image in range(batch):
        pixels, result = last[image].reshape(-1, channels), y[image]
        for place, weight, outside in taps(image):
            values = pixels[place]
            if outside is not None:
                values[outside] = fill_value
            values *= weight
            result += values
    y = y.reshape(shape)

    def gradient(dy: Array) -> Array:
        upstream = np.moveaxis(dy, 1, -1) if is_first else dy
        dx = np.zeros((batch, height * width, channels), dtype)
        for image, result in enumerate(dx):
            for place, weight, outside in taps(image):
                inside = slice(None) if outside is None else ~outside
                np.add.at(result, place[inside], (upstream[image].reshape(-1, channels) * weight)[inside])
        dx = dx.reshape(shape)
        return np.ascontiguousarray(np.moveaxis(dx, -1, 1)) if is_first else dx

    if is_first:
        y = np.ascontiguousarray(np.moveaxis(y, -1, 1))
    record(y, (x, gradient))
    return y


# Pixels of an image by number, their weights, and which of them are outside, or None where none counts as such.
_Tap = tuple[Array, Array, Array | None]


def _taps(
    matrix: Array, height: int, width: int, interpolation: str, fill_mode: str, dtype: np.dtype[Any]
) -> Iterator[_Tap]:
    """What each pixel of a result is made of: the sum over taps of weight * pixels[place]."""
    a0, a1, a2, b0, b1, b2, *_ = matrix
    column, row = np.arange(width), np.arange(height)[:, None]
    inside = _INSIDE[fill_mode]
    for j, along in _TAPS[interpolation](b0 * column + b1 * row + b2):
        for i, across in _TAPS[interpolation](a0 * column + a1 * row + a2):
            outside = None
            if fill_mode == "constant":
                outside = ((i < 0) | (i >= width) | (j < 0) | (j >= height)).ravel()
            place = (inside(j, height) * width + inside(i, width)).ravel()
            yield place, (along * across).astype(dtype).reshape(-1, 1), outside


def _nearest(at: Array) -> list[tuple[Array, Array]]:
    return [(np.rint(at).astype(np.intp), np.ones_like(at))]


def _bilinear(at: Array) -> list[tuple[Array, Array]]:
    below = np.floor(at)
    share = at - below
    index = below.astype(np.intp)
    return [(index, 1 - share), (index + 1, share)]


def _reflect(index: Array, size: int) -> Array:
    index = index % (2 * size)
    inside: Array = np.minimum(index, 2 * size - 1 - index)
    return inside


def _mirror(index: Array, size: int) -> Array:
    index = index % max(2 * size - 2, 1)
    inside: Array = np.minimum(index, 2 * size - 2 - index)
    return inside


def _clip(index: Array, size: int) -> Array:
    return np.clip(index, 0, size - 1)


_TAPS: dict[str, Callable[[Array], list[tuple[Array, Array]]]] = {"nearest": _nearest, "bilinear": _bilinear}
# The pixel that stands for one outside; for "constant" any will do.
_INSIDE: dict[str, Callable[[Array, int], Array]] = {
    "constant": _clip,
    "nearest": _clip,
    "wrap": lambda index, size: index % size,
    "reflect": _reflect,
    "mirror": _mirror,
}
INTERPOLATIONS, FILL_MODES = tuple(_TAPS), tuple(_INSIDE)
