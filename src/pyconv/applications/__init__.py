"""Well-known image networks with the names and weights of `keras.applications`, untrained or from a file of Keras."""

from __future__ import annotations

from pyconv.applications.convnext import ConvNeXtTiny
from pyconv.applications.densenet import DenseNet121
from pyconv.applications.efficientnet import EfficientNetB0
from pyconv.applications.efficientnet_v2 import EfficientNetV2B0
from pyconv.applications.inception_v3 import InceptionV3
from pyconv.applications.mobilenet import MobileNet
from pyconv.applications.mobilenet_v2 import MobileNetV2
from pyconv.applications.mobilenet_v3 import MobileNetV3Large, MobileNetV3Small
from pyconv.applications.nasnet import NASNetMobile
from pyconv.applications.resnet import ResNet50, ResNet50V2
from pyconv.applications.vgg16 import VGG16
from pyconv.applications.xception import Xception

__all__ = [
    "VGG16",
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Large",
    "MobileNetV3Small",
    "NASNetMobile",
    "ResNet50",
    "ResNet50V2",
    "Xception",
]
