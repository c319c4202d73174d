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
    from pyconv.layers.alpha_dropout import AlphaDropout
    from pyconv.layers.average_pooling1d import AveragePooling1D
    from pyconv.layers.average_pooling1d import AveragePooling1D as AvgPool1D
    from pyconv.layers.average_pooling2d import AveragePooling2D
    from pyconv.layers.average_pooling2d import AveragePooling2D as AvgPool2D
    from pyconv.layers.average_pooling3d import AveragePooling3D
    from pyconv.layers.average_pooling3d import AveragePooling3D as AvgPool3D
    from pyconv.layers.batch_normalization import BatchNormalization
    from pyconv.layers.center_crop import CenterCrop
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
    from pyconv.layers.elu import ELU
    from pyconv.layers.flatten import Flatten
    from pyconv.layers.gaussian_dropout import GaussianDropout
    from pyconv.layers.gaussian_noise import GaussianNoise
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
    from pyconv.layers.group_normalization import GroupNormalization
    from pyconv.layers.identity import Identity
    from pyconv.layers.input_layer import Input, InputLayer
    from pyconv.layers.layer import Layer
    from pyconv.layers.layer_normalization import LayerNormalization
    from pyconv.layers.leaky_re_lu import LeakyReLU
    from pyconv.layers.max_pooling1d import MaxPooling1D
    from pyconv.layers.max_pooling1d import MaxPooling1D as MaxPool1D
    from pyconv.layers.max_pooling2d import MaxPooling2D
    from pyconv.layers.max_pooling2d import MaxPooling2D as MaxPool2D
    from pyconv.layers.max_pooling3d import MaxPooling3D
    from pyconv.layers.max_pooling3d import MaxPooling3D as MaxPool3D
    from pyconv.layers.merging import (
        Add,
        Average,
        Concatenate,
        Maximum,
        Minimum,
        Multiply,
        Subtract,
        add,
        average,
        concatenate,
        maximum,
        minimum,
        multiply,
        subtract,
    )
    from pyconv.layers.normalization import Normalization
    from pyconv.layers.p_re_lu import PReLU
    from pyconv.layers.permute import Permute
    from pyconv.layers.random_brightness import RandomBrightness
    from pyconv.layers.random_contrast import RandomContrast
    from pyconv.layers.random_crop import RandomCrop
    from pyconv.layers.random_flip import RandomFlip
    from pyconv.layers.random_rotation import RandomRotation
    from pyconv.layers.random_translation import RandomTranslation
    from pyconv.layers.random_zoom import RandomZoom
    from pyconv.layers.re_lu import ReLU
    from pyconv.layers.repeat_vector import RepeatVector
    from pyconv.layers.rescaling import Rescaling
    from pyconv.layers.reshape import Reshape
    from pyconv.layers.resizing import Resizing
    from pyconv.layers.rms_normalization import RMSNormalization
    from pyconv.layers.separable_conv1d import SeparableConv1D
    from pyconv.layers.separable_conv1d import SeparableConv1D as SeparableConvolution1D
    from pyconv.layers.separable_conv2d import SeparableConv2D
    from pyconv.layers.separable_conv2d import SeparableConv2D as SeparableConvolution2D
    from pyconv.layers.softmax import Softmax
    from pyconv.layers.spatial_dropout1d import SpatialDropout1D
    from pyconv.layers.spatial_dropout2d import SpatialDropout2D
    from pyconv.layers.spatial_dropout3d import SpatialDropout3D
    from pyconv.layers.unit_normalization import UnitNormalization
    from pyconv.layers.up_sampling1d import UpSampling1D
    from pyconv.layers.up_sampling2d import UpSampling2D
    from pyconv.layers.up_sampling3d import UpSampling3D
    from pyconv.layers.zero_padding1d import ZeroPadding1D
    from pyconv.layers.zero_padding2d import ZeroPadding2D
    from pyconv.layers.zero_padding3d import ZeroPadding3D

__all__ = [
    "ELU",
    "Activation",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "Add",
    "AlphaDropout",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "CenterCrop",
    "Concatenate",
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
    "GaussianDropout",
    "GaussianNoise",
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
    "GroupNormalization",
    "Identity",
    "Input",
    "InputLayer",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "Subtract",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]

# Files that aren't called like what they hold, by its name in lower case.
_FILES = {
    "input": "input_layer",
    **dict.fromkeys(("add", "average", "concatenate", "maximum", "minimum", "multiply", "subtract"), "merging"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    first = _first_name(name)
    found = getattr(importlib.import_module(f"{__name__}.{_FILES.get(first.lower()) or snake_case(first)}"), first)
    globals()[name] = found  # the next time it is there
    return found


def __dir__() -> list[str]:
    return __all__


def _first_name(name: str) -> str:
    """The name of the class that may have two in Keras: Convolution2D, AvgPool2D, GlobalMaxPool2D ..."""
    if "Pooling" not in name:
        name = name.replace("AvgPool", "AveragePooling").replace("MaxPool", "MaxPooling")
    return name.replace("Convolution", "Conv")
