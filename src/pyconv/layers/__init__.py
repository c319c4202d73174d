"""Layers with Keras' names, arguments and weights."""

from __future__ import annotations

from pyconv.layers.activation import Activation
from pyconv.layers.average_pooling2d import AveragePooling2D
from pyconv.layers.conv1d import Conv1D
from pyconv.layers.conv1d_transpose import Conv1DTranspose
from pyconv.layers.conv2d import Conv2D
from pyconv.layers.conv2d_transpose import Conv2DTranspose
from pyconv.layers.conv3d import Conv3D
from pyconv.layers.conv3d_transpose import Conv3DTranspose
from pyconv.layers.dense import Dense
from pyconv.layers.depthwise_conv1d import DepthwiseConv1D
from pyconv.layers.depthwise_conv2d import DepthwiseConv2D
from pyconv.layers.dropout import Dropout
from pyconv.layers.flatten import Flatten
from pyconv.layers.global_average_pooling2d import GlobalAveragePooling2D
from pyconv.layers.input_layer import Input, InputLayer
from pyconv.layers.layer import Layer
from pyconv.layers.max_pooling2d import MaxPooling2D
from pyconv.layers.relu import ReLU
from pyconv.layers.separable_conv1d import SeparableConv1D
from pyconv.layers.separable_conv2d import SeparableConv2D
from pyconv.layers.softmax import Softmax
from pyconv.layers.zero_padding2d import ZeroPadding2D

# Keras' second names.
AvgPool2D = AveragePooling2D
Convolution1D = Conv1D
Convolution1DTranspose = Conv1DTranspose
Convolution2D = Conv2D
Convolution2DTranspose = Conv2DTranspose
Convolution3D = Conv3D
Convolution3DTranspose = Conv3DTranspose
GlobalAvgPool2D = GlobalAveragePooling2D
MaxPool2D = MaxPooling2D
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D

__all__ = [
    "Activation",
    "AveragePooling2D",
    "AvgPool2D",
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
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalAvgPool2D",
    "Input",
    "InputLayer",
    "Layer",
    "MaxPool2D",
    "MaxPooling2D",
    "ReLU",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "Softmax",
    "ZeroPadding2D",
]
