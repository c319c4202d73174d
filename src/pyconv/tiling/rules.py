"""What each kind of layer reads along a spatial axis, or why it can't be tiled. The graph is walked in steps.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pyconv import layers, tree
from pyconv.layers.base_adaptive_pooling import BaseAdaptivePooling
from pyconv.layers.base_augmentation import BaseAugmentation
from pyconv.layers.base_conv_transpose import BaseConvTranspose
from pyconv.layers.base_convolution import ConvolutionLayer
from pyconv.layers.base_global_pooling import BaseGlobalPooling
from pyconv.layers.base_padding import BaseCropping, BaseZeroPadding
from pyconv.layers.base_pooling import BasePooling
from pyconv.layers.base_up_sampling import BaseUpSampling
from pyconv.layers.merging import BaseMerge
from pyconv.ops import geometry
from pyconv.ops.conv_transpose import crops
from pyconv.symbolic import KerasTensor, Operation
from pyconv.tiling.reach import ITSELF, Reach, of_interpolation, of_transposed, of_window
from pyconv.variable import Variable

# Along spatial axis number `axis`, of n elements: what a result reads, and how many results there are.
Rule = Callable[[int, int], tuple[Reach, int]]


class NotTileableError(ValueError):
    """A layer whose results may depend on the whole image."""


def pointwise(axis: int, n: int) -> tuple[Reach, int]:
    """The rule of what computes each pixel from the pixels at its place."""
    return ITSELF, n


def of_layer(layer: Any, channel_axis: int, rank: int) -> Rule:
    """The rule of a layer on images with `rank` spatial axes; raises NotTileableError where there is none."""
    for kind, rule in _RULES.items():
        if isinstance(layer, kind):
            return rule(layer)
    _require_channels(layer, channel_axis, rank)
    return pointwise


def of_operation(operation: Operation, args: Any, channel_axis: int, rank: int) -> Rule:
    """The rule of a function of `pyconv.ops` that was called on symbolic tensors, with these arguments."""
    name, settings = operation.function.__name__, operation.settings
    if name == "concatenate":
        _require_axis(operation, settings["axis"], channel_axis, rank)
    elif name in _ALONG_CHANNELS:
        _require_axis(operation, settings.get("axis", -1), channel_axis, rank)
    elif operation.function.__module__ not in _POINTWISE:
        raise NotTileableError(f"the operation {name} isn't known to be the same at every place")
    for leaf in tree.flatten(args):
        shape = np.shape(leaf.value if isinstance(leaf, Variable) else leaf) if not _is_symbol(leaf) else ()
        full = (1,) * (rank + 2 - len(shape)) + tuple(shape)
        if any(size != 1 for axis, size in enumerate(full) if axis not in (0, channel_axis % (rank + 2))):
            raise NotTileableError(
                f"the operation {name} has an argument of shape {shape}, other numbers at every place"
            )
    return pointwise


def _is_symbol(leaf: Any) -> bool:
    return isinstance(leaf, KerasTensor)


def _convolution(layer: ConvolutionLayer) -> Rule:
    windows = layer.kernel_size, layer.strides, layer.dilation_rate
    return _windowed(layer.name, layer.convolution.padding, *windows)


def _pooling(layer: BasePooling) -> Rule:
    padding = geometry.settled_padding(layer.name, layer.padding, layer.rank)
    return _windowed(layer.name, padding, layer.pool_size, layer.strides, (1,) * layer.rank)


def _windowed(name: str, padding: Any, window: Any, strides: Any, dilation: Any) -> Rule:
    def rule(axis: int, n: int) -> tuple[Reach, int]:
        pads = padding if isinstance(padding, str) else padding[axis : axis + 1]
        one = (n,), window[axis : axis + 1], strides[axis : axis + 1], dilation[axis : axis + 1]
        ((before, _),), (size,) = geometry.resolve_pads(name, pads, *one), geometry.output_size(name, pads, *one)
        assert size is not None
        return of_window((window[axis] - 1) * dilation[axis] + 1, strides[axis], before), size

    return rule


def _transposition(layer: BaseConvTranspose) -> Rule:
    settled = layer.transposition
    cut = crops(settled, layer.kernel_size)

    def rule(axis: int, n: int) -> tuple[Reach, int]:
        stride, (before, after) = settled.strides[axis], cut[axis]
        span = (layer.kernel_size[axis] - 1) * settled.dilation[axis] + 1
        return of_transposed(span, stride, before), (n - 1) * stride + span - before - after

    return rule


def _zero_padding(layer: BaseZeroPadding) -> Rule:
    def rule(axis: int, n: int) -> tuple[Reach, int]:
        before, after = layer.pads[axis]
        return of_window(1, 1, before), n + before + after

    return rule


def _cropping(layer: BaseCropping) -> Rule:
    def rule(axis: int, n: int) -> tuple[Reach, int]:
        before, after = layer.crops[axis]
        return of_window(1, 1, -before), n - before - after

    return rule


# How far each interpolation reads to either side, in pixels; see ops/resampling.py.
_RADIUS = {"bilinear": 1, "bicubic": 2, "lanczos3": 3, "lanczos5": 5}


def _up_sampling(layer: BaseUpSampling) -> Rule:
    def rule(axis: int, n: int) -> tuple[Reach, int]:
        times = layer.size[axis]
        if layer.interpolation == "nearest":
            return Reach(over=times), n * times
        return of_interpolation(times, _RADIUS[layer.interpolation]), n * times

    return rule


def _whole_image(layer: Any) -> Rule:
    raise NotTileableError("its results depend on the size of the image or on all of it")


# In this order: a transposed convolution is a ConvolutionLayer, too.
_RULES: dict[Any, Callable[[Any], Rule]] = {
    BaseConvTranspose: _transposition,
    ConvolutionLayer: _convolution,
    BasePooling: _pooling,
    BaseZeroPadding: _zero_padding,
    BaseCropping: _cropping,
    BaseUpSampling: _up_sampling,
    (BaseGlobalPooling, BaseAdaptivePooling, layers.Flatten, layers.GroupNormalization): _whole_image,
}

# Layers that compute each pixel by itself, if they are told of no axis or that of the channels.
_PIXEL_BY_PIXEL = (
    BaseAugmentation,  # which does nothing but in training
    BaseMerge,
    layers.Activation,
    layers.BatchNormalization,
    layers.Concatenate,
    layers.Dense,
    layers.Dropout,
    layers.ELU,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.Identity,
    layers.InputLayer,
    layers.LayerNormalization,
    layers.LeakyReLU,
    layers.Normalization,
    layers.PReLU,
    layers.RMSNormalization,
    layers.ReLU,
    layers.Rescaling,
    layers.Softmax,
    layers.UnitNormalization,
)
# Functions of the channels together, along the last axis unless they are told another.
_ALONG_CHANNELS = {"softmax", "log_softmax", "sparsemax", "glu"}
# Files of pyconv.ops whose other functions compute each element by itself.
_POINTWISE = {"pyconv.ops.arithmetic", "pyconv.ops.elementwise", "pyconv.ops.gated", "pyconv.ops.shrinkage"}


def _require_channels(layer: Any, channel_axis: int, rank: int) -> None:
    """Raises NotTileableError unless the layer mixes channels at most."""
    if not isinstance(layer, _PIXEL_BY_PIXEL):
        raise NotTileableError("it isn't known to be the same at every place")
    if isinstance(layer, layers.Dense):
        _require_axis(layer, -1, channel_axis, rank)
    axis = getattr(layer, "axis", None)
    if axis is not None:
        _require_axis(layer, axis, channel_axis, rank)
    if isinstance(layer, layers.PReLU) and any(
        n != 1 for n in np.delete(layer.alpha.shape, channel_axis % (rank + 2) - 1)
    ):
        raise NotTileableError("it has slopes of its own for every place")
    function = getattr(getattr(layer, "activation", None), "__name__", "")
    if function in _ALONG_CHANNELS:
        _require_axis(layer, -1, channel_axis, rank)


def _require_axis(what: Any, axis: Any, channel_axis: int, rank: int) -> None:
    axes = tuple(axis) if geometry.is_sequence(axis) else (axis,)
    if any(each is None or each % (rank + 2) != channel_axis % (rank + 2) for each in axes):
        raise NotTileableError(f"it works along axis {axis}, and only that of the channels may be mixed")
