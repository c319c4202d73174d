"""Layers that move numbers: shapes, borders, sizes of images; and those that do nothing when a model is used."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyconv.layers.base_resizing import BaseResizing
from pyconv.onnx.writing.exporters import Call, back, exports, first
from pyconv.onnx.writing.pools import RANKS
from pyconv.onnx.writing.writer import Writer
from pyconv.ops.geometry import Pads
from pyconv.ops.resampling import resample

_IDLE = (
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    *(f"SpatialDropout{rank}" for rank in RANKS),
)
_RANDOM = ("Brightness", "Contrast", "Flip", "Rotation", "Translation", "Zoom")


@exports(*_IDLE, *(f"Random{kind}" for kind in _RANDOM))
def nothing(writer: Writer, call: Call, x: str) -> str:
    return x


@exports("Flatten")
def flatten(writer: Writer, call: Call, x: str) -> str:
    rank = len(call.inputs[0])
    if call.layer.data_format == "channels_first" and rank > 2:
        x = writer.last(x, rank - 2)
    result: str = writer.node("Flatten", x)
    return result


@exports("Reshape")
def reshape(writer: Writer, call: Call, x: str) -> str:
    sizes = [-1 if size is None else size for size in call.outputs[0][1:]]
    if sizes.count(-1) > 1 or 0 in sizes:
        raise call.refuse("more than one size is unknown, or one is 0")
    result: str = writer.node("Reshape", x, writer.integers(0, *sizes))
    return result


@exports("Permute")
def permute(writer: Writer, call: Call, x: str) -> str:
    return writer.transposed(x, (0, *call.layer.dims))


@exports("RepeatVector")
def repeat_vector(writer: Writer, call: Call, x: str) -> str:
    column = writer.node("Unsqueeze", x, writer.integers(1))
    result: str = writer.node("Tile", column, writer.integers(1, call.layer.n, 1))
    return result


def _padded(writer: Writer, x: str, pairs: Pads, value: float = 0.0) -> str:
    source, order = writer.below(x, len(pairs))
    below = [pairs[order.index(axis)] for axis in range(len(pairs))]
    widths = writer.integers(*(before for before, _ in below), *(after for _, after in below))
    return writer.transposed(writer.node("Pad", source, widths, writer.number(value)), order)


def _cropped(writer: Writer, x: str, pairs: Pads) -> str:
    source, order = writer.below(x, len(pairs))
    axes = [axis for axis, pair in enumerate(pairs) if any(pair)]
    starts = writer.integers(*(pairs[axis][0] for axis in axes))
    # An end is counted from the last element; where nothing is cut off there, it is beyond all of them.
    ends = writer.integers(*(-pairs[axis][1] or 2**31 for axis in axes))
    if not axes:
        return x
    below = writer.integers(*(order[axis] for axis in axes))
    return writer.transposed(writer.node("Slice", source, starts, ends, below), order)


@exports(*(f"ZeroPadding{rank}" for rank in RANKS))
def zero_padding(writer: Writer, call: Call, x: str) -> str:
    return _padded(writer, x, call.layer.every_axis(call.layer.pads))


@exports(*(f"Cropping{rank}" for rank in RANKS))
def cropping(writer: Writer, call: Call, x: str) -> str:
    return _cropped(writer, x, call.layer.every_axis(call.layer.crops))


_BLENDED: dict[str, dict[str, Any]] = {
    "bilinear": {"mode": "linear"},
    "bicubic": {"mode": "cubic", "cubic_coeff_a": -0.5, "exclude_outside": 1},
}


@exports(*(f"UpSampling{rank}" for rank in RANKS))
def up_sampling(writer: Writer, call: Call, x: str) -> str:
    layer = call.layer
    scales = writer.scales(1, 1, *layer.size)
    how: dict[str, Any] = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    if layer.interpolation != "nearest":
        if layer.interpolation not in _BLENDED:
            raise call.refuse(f"ONNX has no interpolation {layer.interpolation!r}")
        how = {"coordinate_transformation_mode": "half_pixel", **_BLENDED[layer.interpolation]}
    return back(writer, call, writer.node("Resize", first(writer, call, x), "", scales, **how))


def _resized(writer: Writer, call: Call, x: str, sizes: list[int], interpolation: str, antialias: bool) -> str:
    """Each axis is a sum with fixed weights of its elements: a product with a matrix, for any interpolation."""
    layer = call.layer
    y = first(writer, call, x)
    rows, columns = (
        resample(np.eye(n), 0, wanted, interpolation, antialias=antialias)
        for n, wanted in zip(sizes, (layer.height, layer.width), strict=True)
    )
    y = writer.node("MatMul", writer.node("MatMul", writer.number(rows), y), writer.number(columns.T))
    return back(writer, call, y)


def _spatial_sizes(call: Call, pairs: Pads, sign: int) -> list[int]:
    """The image's sizes when pairs have been added to them, or taken away."""
    axes = call.layer.spatial_axes
    sizes = call.known(call.inputs[0], axes)
    return [size + sign * sum(pairs[axis]) for axis, size in zip(axes, sizes, strict=True)]


def _image(call: Call) -> np.ndarray:
    """An array of the input's shape, of which the layer's own arithmetic needs nothing else."""
    sizes = dict(zip(call.layer.spatial_axes, call.known(call.inputs[0], call.layer.spatial_axes), strict=True))
    return np.broadcast_to(np.zeros(()), [sizes.get(axis, 1) for axis in range(len(call.inputs[0]))])


@exports("Resizing")
def resizing(writer: Writer, call: Call, x: str) -> str:
    layer, image = call.layer, _image(call)
    pairs, sign = ((0, 0),) * image.ndim, 1
    if layer.crop_to_aspect_ratio:
        pairs, sign = layer.pairs(image, layer.shares(image, largest=False)), -1
        x = _cropped(writer, x, pairs)
    elif layer.pad_to_aspect_ratio:
        pairs = layer.pairs(image, layer.shares(image, largest=True))
        x = _padded(writer, x, pairs, layer.fill_value)
    return _resized(writer, call, x, _spatial_sizes(call, pairs, sign), layer.interpolation, layer.antialias)


@exports("CenterCrop", "RandomCrop")
def center_crop(writer: Writer, call: Call, x: str) -> str:
    layer: BaseResizing = call.layer
    image = _image(call)
    room = layer.room(image)
    if min(room) >= 0:
        return _cropped(writer, x, layer.pairs(image, room))
    pairs = layer.pairs(image, layer.shares(image, largest=False))
    return _resized(writer, call, _cropped(writer, x, pairs), _spatial_sizes(call, pairs, -1), "bilinear", False)
