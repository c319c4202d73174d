"""ResNet50 and ResNet50V2: residual blocks of 1x1, 3x3 and 1x1 convolutions, normalized after or before each."""

from __future__ import annotations

from typing import Any

from pyconv.applications.network import Top, channel_axis, network
from pyconv.layers import Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, ZeroPadding2D
from pyconv.symbolic import KerasTensor

_STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))  # filters and blocks
_EPSILON = 1.001e-5


@network("resnet50")
def ResNet50(images: KerasTensor, top: Top) -> Any:  # noqa: N802 - Keras' name
    """ResNet of 50 layers, normalized after each convolution. He and others, 2015, arXiv:1512.03385."""
    x = ZeroPadding2D(3, name="conv1_pad")(images)
    x = _rectified(_normalized(Conv2D(64, 7, strides=2, name="conv1_conv")(x), "conv1"), "conv1")
    x = MaxPooling2D(3, 2, name="pool1_pool")(ZeroPadding2D(1, name="pool1_pad")(x))
    for stage, (filters, blocks) in enumerate(_STAGES, 2):
        for block in range(1, blocks + 1):
            strides = 2 if block == 1 and stage > 2 else 1
            x = _block(x, filters, strides, f"conv{stage}_block{block}", widens=block == 1)
    return top(x)


def _block(x: Any, filters: int, strides: int, name: str, widens: bool) -> Any:
    shortcut = x
    if widens:
        shortcut = _normalized(Conv2D(4 * filters, 1, strides, name=f"{name}_0_conv")(x), f"{name}_0")
    x = _rectified(_normalized(Conv2D(filters, 1, strides, name=f"{name}_1_conv")(x), f"{name}_1"), f"{name}_1")
    x = Conv2D(filters, 3, padding="same", name=f"{name}_2_conv")(x)
    x = _rectified(_normalized(x, f"{name}_2"), f"{name}_2")
    x = _normalized(Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x), f"{name}_3")
    x = Add(name=f"{name}_add")([shortcut, x])
    return Activation("relu", name=f"{name}_out")(x)


@network("resnet50v2")
def ResNet50V2(images: KerasTensor, top: Top) -> Any:  # noqa: N802 - Keras' name
    """ResNet of 50 layers, normalized before each convolution. He and others, 2016, arXiv:1603.05027."""
    x = Conv2D(64, 7, strides=2, name="conv1_conv")(ZeroPadding2D(3, name="conv1_pad")(images))
    x = MaxPooling2D(3, 2, name="pool1_pool")(ZeroPadding2D(1, name="pool1_pad")(x))
    for stage, (filters, blocks) in enumerate(_STAGES, 2):
        for block in range(1, blocks + 1):
            strides = 2 if block == blocks and stage < 5 else 1
            x = _block_v2(x, filters, strides, f"conv{stage}_block{block}", widens=block == 1)
    return top(_rectified(_normalized(x, "post"), "post"))


def _block_v2(x: Any, filters: int, strides: int, name: str, widens: bool) -> Any:
    ready = _rectified(_normalized(x, f"{name}_preact"), f"{name}_preact")
    if widens:
        shortcut = Conv2D(4 * filters, 1, strides, name=f"{name}_0_conv")(ready)
    else:
        shortcut = MaxPooling2D(1, strides)(x) if strides > 1 else x
    x = Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(ready)
    x = _rectified(_normalized(x, f"{name}_1"), f"{name}_1")
    x = ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = Conv2D(filters, 3, strides, use_bias=False, name=f"{name}_2_conv")(x)
    x = _rectified(_normalized(x, f"{name}_2"), f"{name}_2")
    x = Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    return Add(name=f"{name}_out")([shortcut, x])


def _normalized(x: Any, name: str) -> Any:
    return BatchNormalization(channel_axis(), epsilon=_EPSILON, name=f"{name}_bn")(x)


def _rectified(x: Any, name: str) -> Any:
    return Activation("relu", name=f"{name}_relu")(x)
