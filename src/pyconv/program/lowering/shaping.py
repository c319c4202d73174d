"""Layers that change shapes or move numbers: Flatten, Reshape, Permute, borders, upsampling, resizing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyconv.ops.resampling import taps
from pyconv.program.graph import Value
from pyconv.program.kinds import Pad, Resize, Slice, Transpose, Unary
from pyconv.program.lowering.registry import (
    Lowering,
    NotLoweredError,
    lowers,
    lowers_operation,
    lowers_spatial,
)

_UNARY = {
    "relu": "relu",
    "relu6": "relu6",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "silu": "silu",
    "hard_sigmoid": "hard_sigmoid",
    "hard_silu": "hard_silu",
    "selu": "selu",
    "exp": "exp",
    "sqrt": "sqrt",
    "rsqrt": "rsqrt",
    "softplus": "softplus",
    "mish": "mish",
    "absolute": "abs",
    "negative": "neg",
    "square": "square",
}


@lowers_operation(*_UNARY)
def unary(to: Lowering, settings: Any, arguments: list[Any]) -> Value:
    function, settings = settings
    if settings or len(arguments) != 1 or not isinstance(arguments[0], Value):
        raise NotLoweredError
    return to.add(Unary(_UNARY[function]), arguments[0])


@lowers("Flatten")
def flatten(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    (x,) = inputs
    if layer.data_format == "channels_first" and len(x.shape) > 1:
        x = to.add(Transpose((*range(1, len(x.shape)), 0)), x)
    return to.reshape(x, (x.size,))


@lowers("Reshape")
def reshape(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    (x,) = inputs
    return to.reshape(x, layer.compute_output_shape((None, *x.shape))[1:])


@lowers("Permute")
def permute(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    return to.add(Transpose(tuple(axis - 1 for axis in layer.dims)), inputs[0])


@lowers_spatial("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
def zero_padding(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    return to.add(Pad((*layer.pads, (0, 0))), inputs[0])


@lowers_spatial("Cropping1D", "Cropping2D", "Cropping3D")
def cropping(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    (x,) = inputs
    crops = (*layer.crops, (0, 0))
    begin = tuple(before for before, _ in crops)
    return to.add(Slice(begin, tuple(size - after for size, (_, after) in zip(x.shape, crops, strict=True))), x)


@lowers_spatial("UpSampling1D", "UpSampling2D", "UpSampling3D")
def up_sampling(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    (x,) = inputs
    sizes = [size * times for size, times in zip(x.shape, layer.size, strict=False)]
    # Nearest: pixel i of size * times shows pixel i // times, as a repetition does.
    return to.add(_resize(layer.interpolation, x, sizes), x)


@lowers_spatial("Resizing")
def resizing(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    (x,) = inputs
    if layer.crop_to_aspect_ratio or layer.pad_to_aspect_ratio or layer.antialias:
        raise NotLoweredError
    return to.add(_resize(layer.interpolation, x, (layer.height, layer.width)), x)


def _resize(interpolation: str, x: Value, sizes: Sequence[int]) -> Resize:
    return Resize(tuple(taps(n, size, interpolation) for n, size in zip(x.shape, sizes, strict=False)))
