"""Images at another resolution, one axis after the other: each result is a weighted sum of a few elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx import memory
from pyconv.onnx.layout import order_last
from pyconv.onnx.operators.floats import as_core_float, as_dtype_of
from pyconv.onnx.operators.windows import Sizes
from pyconv.onnx.registry import operator
from pyconv.ops.resampling import along_axis

# Where result i of an axis lies between the n elements: from i, the scale, n, the result's size, and the region.
_Place = Callable[[Array, float, int, float, tuple[float, float]], Array]
_PLACES: dict[str, _Place] = {
    "half_pixel": lambda i, scale, n, size, roi: (i + 0.5) / scale - 0.5,
    "half_pixel_symmetric": lambda i, scale, n, size, roi: (
        # As half_pixel, around the middle also where scale * n isn't whole.
        n / 2 * (1 - np.floor(size) / size) + (i + 0.5) / scale - 0.5
    ),
    "pytorch_half_pixel": lambda i, scale, n, size, roi: (i + 0.5) / scale - 0.5 if np.floor(size) > 1 else i * 0.0,
    "align_corners": lambda i, scale, n, size, roi: i * (n - 1) / (size - 1) if size > 1 else i * 0.0,
    "asymmetric": lambda i, scale, n, size, roi: i / scale,
    "tf_half_pixel_for_nn": lambda i, scale, n, size, roi: (i + 0.5) / scale,
    "tf_crop_and_resize": lambda i, scale, n, size, roi: (
        roi[0] * (n - 1) + i * (roi[1] - roi[0]) * (n - 1) / (size - 1)
        if size > 1
        else i * 0.0 + 0.5 * (roi[0] + roi[1]) * (n - 1)
    ),
}
_ROUNDINGS: dict[str, Callable[[Array], Array]] = {
    "round_prefer_floor": lambda place: np.ceil(place - 0.5),
    "round_prefer_ceil": lambda place: np.floor(place + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}


def _triangle(distance: Array, slope: float) -> Array:
    height: Array = np.maximum(1 - distance, 0)
    return height


def _cubic(distance: Array, slope: float) -> Array:
    """Keys' kernel, IEEE Trans. ASSP 29 (1981); `slope` is that at 1."""
    near = ((slope + 2) * distance - (slope + 3)) * distance**2 + 1
    far = slope * (((distance - 5) * distance + 8) * distance - 4)
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


_KERNELS: dict[str, tuple[int, Callable[[Array, float], Array]]] = {"linear": (1, _triangle), "cubic": (2, _cubic)}


@operator("Resize", since=11, layout="channels")
def resize(
    x: Array,
    roi: Array | None = None,
    scales: Array | None = None,
    sizes: Array | None = None,
    *,
    antialias: int = 0,
    axes: Sizes = None,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    extrapolation_value: float = 0.0,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> Array:
    """Of images with channels last, while scales, sizes, roi and axes are given for channels first."""
    found = lines(
        x.shape,
        roi,
        scales,
        sizes,
        antialias=antialias,
        axes=axes,
        coordinate_transformation_mode=coordinate_transformation_mode,
        cubic_coeff_a=cubic_coeff_a,
        exclude_outside=exclude_outside,
        keep_aspect_ratio_policy=keep_aspect_ratio_policy,
        mode=mode,
        nearest_mode=nearest_mode,
    )
    y = as_core_float(x)
    for axis, elements, weights, outside in found:
        y = along_axis(y, axis, elements, weights)
        if outside.any():
            np.moveaxis(y, axis, 0)[outside] = extrapolation_value
    return as_dtype_of(np.ascontiguousarray(y), x)


class Line(NamedTuple):
    """An axis of images with channels last at another size: the elements that each result sees, and their weights."""

    axis: int
    elements: Array  # (results, taps)
    weights: Array  # likewise
    outside: Array  # (results,), which of them lie outside of the images


def lines(
    shape: tuple[int, ...],
    roi: Array | None,
    scales: Array | None,
    sizes: Array | None,
    *,
    antialias: int = 0,
    axes: Sizes = None,
    coordinate_transformation_mode: str = "half_pixel",
    cubic_coeff_a: float = -0.75,
    exclude_outside: int = 0,
    keep_aspect_ratio_policy: str = "stretch",
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
) -> list[Line]:
    """The axes that Resize changes, those that become smaller first, so that the others have less to do."""
    named = tuple(range(len(shape))[axis] for axis in axes) if axes is not None else tuple(range(len(shape)))
    where = [order_last(len(shape)).index(axis) for axis in named]
    lengths = np.array([shape[axis] for axis in where])
    if sizes is not None and sizes.size:
        factors = sizes / lengths
        if keep_aspect_ratio_policy != "stretch":
            same = factors.min() if keep_aspect_ratio_policy == "not_larger" else factors.max()
            factors = np.full(len(where), same)
            sizes = np.floor(factors * lengths + 0.5).astype(np.int64)
    elif scales is not None and scales.size:
        factors, sizes = scales.astype(np.float64), np.floor(lengths * scales).astype(np.int64)
    else:
        raise ValueError("Resize: scales or sizes must be given.")
    if len(factors) != len(where) or (sizes < 1).any() or not (factors > 0).all():
        raise ValueError(f"Resize: scales or sizes must be positive, one an axis. Received: {factors}, {sizes}.")
    cropped = coordinate_transformation_mode == "tf_crop_and_resize"
    regions = np.array([[0.0] * len(where), [1.0] * len(where)]) if roi is None or not roi.size else roi.reshape(2, -1)
    found, made = [], list(shape)
    for index in np.argsort(factors, kind="stable"):
        axis, size, factor = where[index], int(sizes[index]), float(factors[index])
        made[axis] = size
        memory.checked(made, np.float64)
        if size == shape[axis] and factor == 1 and not cropped:
            continue
        region = (float(regions[0][index]), float(regions[1][index]))
        place = _PLACES[coordinate_transformation_mode]
        exact = size if scales is None else factor * shape[axis]
        at = place(np.arange(size, dtype=np.float64), factor, shape[axis], exact, region)
        if mode == "nearest":
            elements = np.clip(_ROUNDINGS[nearest_mode](at), 0, shape[axis] - 1)
            taps = elements.astype(np.intp)[:, None], np.ones((size, 1))
        else:
            squeeze = min(factor, 1.0) if antialias else 1.0
            taps = _weighted(shape[axis], at, mode, squeeze, cubic_coeff_a, bool(exclude_outside))
        outside = ((at < 0) | (at > shape[axis] - 1)) & cropped
        found.append(Line(axis, *taps, outside))
    return found


def _weighted(n: int, at: Array, mode: str, squeeze: float, slope: float, exclude: bool) -> tuple[Array, Array]:
    """The elements near each place and their weights; a kernel squeezed by less than one is wider, against aliases."""
    radius, kernel = _KERNELS[mode]
    reach = min(int(np.ceil(radius / squeeze)), n + 1)
    elements = np.floor(at)[:, None] + np.arange(1 - reach, reach + 1)
    weights = kernel(np.abs(elements - at[:, None]) * squeeze, slope)
    if exclude:
        weights[(elements < 0) | (elements >= n)] = 0
    weights /= weights.sum(1, keepdims=True)
    return np.clip(elements, 0, n - 1).astype(np.intp), weights


@operator("Resize", since=10, layout="channels")
def resize_by_scales(x: Array, scales: Array, *, mode: str = "nearest") -> Array:
    return resize(x, None, scales, coordinate_transformation_mode="asymmetric", mode=mode, nearest_mode="floor")


@operator("Upsample", since=9, layout="channels")
def upsample(x: Array, scales: Array, *, mode: str = "nearest") -> Array:
    return resize_by_scales(x, scales, mode=mode)


@operator("Upsample", layout="channels")
def upsample_by_attribute(x: Array, *, scales: tuple[float, ...], mode: str = "nearest") -> Array:
    return resize_by_scales(x, np.array(scales), mode=mode)
