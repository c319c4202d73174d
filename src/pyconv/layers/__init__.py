"""Layers with Keras' names, arguments and weights. A layer's file is read when it is first asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pyconv.naming import snake_case

# What the names in __all__ mean, for editors and type checkers; a second name of Keras' is imported as such.
if TYPE_CHECKING:
    from pyconv.layers.activation import Activation
    from pyconv.layers.adaptive_average_pooling1d import AdaptiveAveragePooling1D
    from pyconv.layers.adaptive_average_pooling2d import AdaptiveAveragePooling2D
    from pyconv.layers.adaptive_average_pooling3d import AdaptiveAveragePooling3D
    from pyconv.layers.adaptive_max_pooling1d import AdaptiveMaxPooling1D
    from pyconv.layers.adaptive_max_pooling2d import AdaptiveMaxPooling2D
    from pyconv.layers.adaptive_max_pooling3d import AdaptiveMaxPooling3D
    from pyconv.layers.average_pooling1d import AveragePooling1D
    from pyconv.layers.average_pooling1d import AveragePooling1D as AvgPool1D
    from pyconv.layers.average_pooling2d import AveragePooling2D
    from pyconv.layers.average_pooling2d import AveragePooling2D as AvgPool2D
    from pyconv.layers.average_pooling3d import AveragePooling3D
    from pyconv.layers.average_pooling3d import AveragePooling3D as AvgPool3D
    from pyconv.layers.conv1d import Conv1D
    from pyconv.layers.conv1d import Conv1D as Convolution1D
    from pyconv.layers.conv1d_transpose import Conv1DTranspose
    from pyconv.layers.conv1d_transpose import Conv1DTranspose as Convolution1DTranspose
    from pyconv.layers.conv2d import Conv2D
    from pyconv.layers.conv2d import Conv2D as Convolution2D
    from pyconv.layers.conv2d_transpose import Conv2DTranspose
    from pyconv.layers.conv2d_transpose import Conv2DTranspose as Convolution2DTranspose
    from pyconv.layers.conv3d import Conv3D
    from pyconv.layers.conv3d import Conv3D as Convolution3D
    from pyconv.layers.conv3d_transpose import Conv3DTranspose
    from pyconv.layers.conv3d_transpose import Conv3DTranspose as Convolution3DTranspose
    from pyconv.layers.cropping1d import Cropping1D
    from pyconv.layers.cropping2d import Cropping2D
    from pyconv.layers.cropping3d import Cropping3D
    from pyconv.layers.dense import Dense
    from pyconv.layers.depthwise_conv1d import DepthwiseConv1D
    from pyconv.layers.depthwise_conv2d import DepthwiseConv2D
    from pyconv.layers.dropout import Dropout
    from pyconv.layers.flatten import Flatten
    from pyconv.layers.global_average_pooling1d import GlobalAveragePooling1D
    from pyconv.layers.global_average_pooling1d import GlobalAveragePooling1D as GlobalAvgPool1D
    from pyconv.layers.global_average_pooling2d import GlobalAveragePooling2D
    from pyconv.layers.global_average_pooling2d import GlobalAveragePooling2D as GlobalAvgPool2D
    from pyconv.layers.global_average_pooling3d import GlobalAveragePooling3D
    from pyconv.layers.global_average_pooling3d import GlobalAveragePooling3D as GlobalAvgPool3D
    from pyconv.layers.global_max_pooling1d import GlobalMaxPooling1D
    from pyconv.layers.global_max_pooling1d import GlobalMaxPooling1D as GlobalMaxPool1D
    from pyconv.layers.global_max_pooling2d import GlobalMaxPooling2D
    from pyconv.layers.global_max_pooling2d import GlobalMaxPooling2D as GlobalMaxPool2D
    from pyconv.layers.global_max_pooling3d import GlobalMaxPooling3D
    from pyconv.layers.global_max_pooling3d import GlobalMaxPooling3D as GlobalMaxPool3D
    from pyconv.layers.identity import Identity
    from pyconv.layers.input_layer import Input, InputLayer
    from pyconv.layers.layer import Layer
    from pyconv.layers.max_pooling1d import MaxPooling1D
    from pyconv.layers.max_pooling1d import MaxPooling1D as MaxPool1D
    from pyconv.layers.max_pooling2d import MaxPooling2D
    from pyconv.layers.max_pooling2d import MaxPooling2D as MaxPool2D
    from pyconv.layers.max_pooling3d import MaxPooling3D
    from pyconv.layers.max_pooling3d import MaxPooling3D as MaxPool3D
    from pyconv.layers.permute import Permute
    from pyconv.layers.re_lu import ReLU
    from pyconv.layers.repeat_vector import RepeatVector
    from pyconv.layers.reshape import Reshape
    from pyconv.layers.separable_conv1d import SeparableConv1D
    from pyconv.layers.separable_conv1d import SeparableConv1D as SeparableConvolution1D
    from pyconv.layers.separable_conv2d import SeparableConv2D
    from pyconv.layers.separable_conv2d import SeparableConv2D as SeparableConvolution2D
    from pyconv.layers.softmax import Softmax
    from pyconv.layers.up_sampling1d import UpSampling1D
    from pyconv.layers.up_sampling2d import UpSampling2D
    from pyconv.layers.up_sampling3d import UpSampling3D
    from pyconv.layers.zero_padding1d import ZeroPadding1D
    from pyconv.layers.zero_padding2d import ZeroPadding2D
    from pyconv.layers.zero_padding3d import ZeroPadding3D

__all__ = [
    "Activation",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "Identity",
    "Input",
    "InputLayer",
    "Layer",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Reshape",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "Softmax",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]

# Names whose file isn't called like them.
_FILES = {"Input": "input_layer"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    first = _first_name(name)
    found = getattr(importlib.import_module(f"{__name__}.{_FILES.get(first) or snake_case(first)}"), first)
    globals()[name] = found  # the next time it is there
    return found


def __dir__() -> list[str]:
    return __all__


def _first_name(name: str) -> str:
    """The name of the class that may have two in Keras: Convolution2D, AvgPool2D, GlobalMaxPool2D ..."""
    if "Pooling" not in name:
        name = name.replace("AvgPool", "AveragePooling").replace("MaxPool", "MaxPooling")
    return name.replace("Convolution", "Conv")
