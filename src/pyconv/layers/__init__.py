"""Layers with Keras' names, arguments and weights."""

from __future__ import annotations

from pyconv.layers.activation import Activation
from pyconv.layers.average_pooling2d import AveragePooling2D
from pyconv.layers.conv2d import Conv2D
from pyconv.layers.dense import Dense
from pyconv.layers.dropout import Dropout
from pyconv.layers.flatten import Flatten
from pyconv.layers.global_average_pooling2d import GlobalAveragePooling2D
from pyconv.layers.input_layer import Input, InputLayer
from pyconv.layers.layer import Layer
from pyconv.layers.max_pooling2d import MaxPooling2D
from pyconv.layers.relu import ReLU
from pyconv.layers.softmax import Softmax
from pyconv.layers.zero_padding2d import ZeroPadding2D

# Keras' second names.
AvgPool2D = AveragePooling2D
Convolution2D = Conv2D
GlobalAvgPool2D = GlobalAveragePooling2D
MaxPool2D = MaxPooling2D

__all__ = [
    "Activation",
    "AveragePooling2D",
    "AvgPool2D",
    "Conv2D",
    "Convolution2D",
    "Dense",
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
    "Softmax",
    "ZeroPadding2D",
]
