"""Layers with Keras' names, arguments and weights."""

from __future__ import annotations

from pyconv.layers.activation import Activation
from pyconv.layers.adaptive_average_pooling1d import AdaptiveAveragePooling1D
from pyconv.layers.adaptive_average_pooling2d import AdaptiveAveragePooling2D
from pyconv.layers.adaptive_average_pooling3d import AdaptiveAveragePooling3D
from pyconv.layers.adaptive_max_pooling1d import AdaptiveMaxPooling1D
from pyconv.layers.adaptive_max_pooling2d import AdaptiveMaxPooling2D
from pyconv.layers.adaptive_max_pooling3d import AdaptiveMaxPooling3D
from pyconv.layers.average_pooling1d import AveragePooling1D
from pyconv.layers.average_pooling2d import AveragePooling2D
from pyconv.layers.average_pooling3d import AveragePooling3D
from pyconv.layers.conv1d import Conv1D
from pyconv.layers.conv1d_transpose import Conv1DTranspose
from pyconv.layers.conv2d import Conv2D
from pyconv.layers.conv2d_transpose import Conv2DTranspose
from pyconv.layers.conv3d import Conv3D
from pyconv.layers.conv3d_transpose import Conv3DTranspose
from pyconv.layers.cropping1d import Cropping1D
from pyconv.layers.cropping2d import Cropping2D
from pyconv.layers.cropping3d import Cropping3D
from pyconv.layers.dense import Dense
from pyconv.layers.depthwise_conv1d import DepthwiseConv1D
from pyconv.layers.depthwise_conv2d import DepthwiseConv2D
from pyconv.layers.dropout import Dropout
from pyconv.layers.flatten import Flatten
from pyconv.layers.global_average_pooling1d import GlobalAveragePooling1D
from pyconv.layers.global_average_pooling2d import GlobalAveragePooling2D
from pyconv.layers.global_average_pooling3d import GlobalAveragePooling3D
from pyconv.layers.global_max_pooling1d import GlobalMaxPooling1D
from pyconv.layers.global_max_pooling2d import GlobalMaxPooling2D
from pyconv.layers.global_max_pooling3d import GlobalMaxPooling3D
from pyconv.layers.identity import Identity
from pyconv.layers.input_layer import Input, InputLayer
from pyconv.layers.layer import Layer
from pyconv.layers.max_pooling1d import MaxPooling1D
from pyconv.layers.max_pooling2d import MaxPooling2D
from pyconv.layers.max_pooling3d import MaxPooling3D
from pyconv.layers.permute import Permute
from pyconv.layers.relu import ReLU
from pyconv.layers.repeat_vector import RepeatVector
from pyconv.layers.reshape import Reshape
from pyconv.layers.separable_conv1d import SeparableConv1D
from pyconv.layers.separable_conv2d import SeparableConv2D
from pyconv.layers.softmax import Softmax
from pyconv.layers.up_sampling1d import UpSampling1D
from pyconv.layers.up_sampling2d import UpSampling2D
from pyconv.layers.up_sampling3d import UpSampling3D
from pyconv.layers.zero_padding1d import ZeroPadding1D
from pyconv.layers.zero_padding2d import ZeroPadding2D
from pyconv.layers.zero_padding3d import ZeroPadding3D

# Keras' second names.
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
AvgPool3D = AveragePooling3D
Convolution1D = Conv1D
Convolution1DTranspose = Conv1DTranspose
Convolution2D = Conv2D
Convolution2DTranspose = Conv2DTranspose
Convolution3D = Conv3D
Convolution3DTranspose = Conv3DTranspose
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D

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
