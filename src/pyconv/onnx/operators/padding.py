"""Padding by constants or by what stands at the borders; negative pads crop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx import memory
from pyconv.onnx.operators.windows import Sizes
from pyconv.onnx.registry import operator


@operator("Pad", since=11, layout="pad")
def pad(
    x: Array, pads: Array, value: Array | None = None, axes: Array | None = None, *, mode: str = "constant"
) -> Array:
    places = range(x.ndim) if axes is None else [range(x.ndim)[axis] for axis in axes.ravel().tolist()]
    return _padded(x, pads.ravel().tolist(), places, mode, 0.0 if value is None else value.item())


@operator("Pad", layout="pad")
def pad_by_attributes(x: Array, *, pads: Sizes = None, mode: str = "constant", value: float = 0.0) -> Array:
    return _padded(x, list(pads or ()), range(x.ndim), mode, value)


def _padded(x: Array, pads: list[int], axes: Sequence[int], mode: str, value: float) -> Array:
    if len(pads) != 2 * len(axes) or mode not in ("constant", "edge", "reflect", "wrap"):
        raise ValueError(f"Pad: pads must be {2 * len(axes)} numbers and mode known. Received: {pads}, {mode!r}.")
    widths = [(0, 0)] * x.ndim
    for axis, before, after in zip(axes, pads[: len(axes)], pads[len(axes) :], strict=True):
        widths[axis] = (before, after)
    memory.checked([n + before + after for n, (before, after) in zip(x.shape, widths, strict=True)], x.dtype)
    inside = tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape, widths, strict=True))
    added = [(max(before, 0), max(after, 0)) for before, after in widths]
    if mode == "constant":
        return np.pad(x[inside], added, constant_values=value)
    return np.pad(x[inside], added, mode)  # type: ignore[call-overload,no-any-return]
