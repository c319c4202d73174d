"""MobileNetV3, small and large: blocks that weigh their channels. Howard and others, 2019, arXiv:1905.02244."""

from __future__ import annotations

from typing import Any

from pyconv.applications.network import Top, channel_axis, halving_pads, network, rounded
from pyconv.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Multiply,
    ReLU,
    Rescaling,
    ZeroPadding2D,
)
from pyconv.symbolic import KerasTensor

# Of each block: its width inside, its channels, kernel size, strides, whether channels are weighed, whether the
# activation is the hard swish, else the rectifier.
_SMALL = (
    (16, 16, 3, 2, True, False),
    (72, 24, 3, 2, False, False),
    (88, 24, 3, 1, False, False),
    (96, 40, 5, 2, True, True),
    *[(240, 40, 5, 1, True, True)] * 2,
    (120, 48, 5, 1, True, True),
    (144, 48, 5, 1, True, True),
    (288, 96, 5, 2, True, True),
    *[(576, 96, 5, 1, True, True)] * 2,
)
_LARGE = (
    (16, 16, 3, 1, False, False),
    (64, 24, 3, 2, False, False),
    (72, 24, 3, 1, False, False),
    (72, 40, 5, 2, True, False),
    *[(120, 40, 5, 1, True, False)] * 2,
    (240, 80, 3, 2, False, True),
    (200, 80, 3, 1, False, True),
    *[(184, 80, 3, 1, False, True)] * 2,
    (480, 112, 3, 1, True, True),
    (672, 112, 3, 1, True, True),
    (672, 160, 5, 2, True, True),
    *[(960, 160, 5, 1, True, True)] * 2,
)


@network("MobileNetV3Small")
def MobileNetV3Small(  # noqa: N802 - Keras' name
    images: KerasTensor, top: Top, *, dropout_rate: float = 0.2, include_preprocessing: bool = True
) -> Any:
    """MobileNetV3 with eleven blocks. Howard and others, 2019, arXiv:1905.02244."""
    return _mobilenet_v3(images, top, _SMALL, 1024, dropout_rate, include_preprocessing)


@network("MobileNetV3Large")
def MobileNetV3Large(  # noqa: N802 - Keras' name
    images: KerasTensor, top: Top, *, dropout_rate: float = 0.2, include_preprocessing: bool = True
) -> Any:
    """MobileNetV3 with fifteen blocks. Howard and others, 2019, arXiv:1905.02244."""
    return _mobilenet_v3(images, top, _LARGE, 1280, dropout_rate, include_preprocessing)


def _mobilenet_v3(images: KerasTensor, top: Top, blocks: Any, width: int, dropout: float, scales: bool) -> Any:
    x = Rescaling(1 / 127.5, offset=-1.0)(images) if scales else images
    x = Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="conv")(x)
    x = Activation("hard_swish")(_normalized(x, "conv"))
    for number, block in enumerate(blocks):
        x = _block(x, f"expanded_conv_{number}" if number else "expanded_conv", *block)
    x = Conv2D(6 * x.shape[channel_axis()], 1, padding="same", use_bias=False, name="conv_1")(x)
    x = Activation("hard_swish")(_normalized(x, "conv_1"))
    if not top.include:
        return top.pooled(x)
    x = GlobalAveragePooling2D(keepdims=True)(x)
    x = Activation("hard_swish")(Conv2D(width, 1, padding="same", name="conv_2")(x))
    x = Dropout(dropout)(x) if dropout > 0 else x
    x = Flatten()(Conv2D(top.classes, 1, padding="same", name="logits")(x))
    return Activation(top.activation, name="predictions")(x)


def _block(
    x: Any, name: str, inside: int, channels: int, kernel: int, strides: int, weighs: bool, swishes: bool
) -> Any:
    start = x
    if name != "expanded_conv":
        x = Conv2D(inside, 1, padding="same", use_bias=False, name=f"{name}_expand")(x)
        x = _activated(_normalized(x, f"{name}_expand"), swishes)
    if strides == 2:
        x = ZeroPadding2D(halving_pads(x, kernel), name=f"{name}_depthwise_pad")(x)
    padding = "same" if strides == 1 else "valid"
    x = DepthwiseConv2D(kernel, strides, padding, use_bias=False, name=f"{name}_depthwise")(x)
    x = _activated(_normalized(x, f"{name}_depthwise"), swishes)
    if weighs:
        x = _weighed(x, inside, f"{name}_squeeze_excite")
    x = Conv2D(channels, 1, padding="same", use_bias=False, name=f"{name}_project")(x)
    x = _normalized(x, f"{name}_project")
    residual = strides == 1 and start.shape[channel_axis()] == channels
    return Add(name=f"{name}_add")([start, x]) if residual else x


def _weighed(x: Any, channels: int, name: str) -> Any:
    """Multiplies each channel by a weight that is computed from the means of all."""
    y = GlobalAveragePooling2D(keepdims=True, name=f"{name}_avg_pool")(x)
    y = Conv2D(rounded(channels / 4), 1, padding="same", name=f"{name}_conv")(y)
    y = ReLU(name=f"{name}_relu")(y)
    y = Conv2D(channels, 1, padding="same", name=f"{name}_conv_1")(y)
    y = ReLU(6.0)(y + 3.0) * (1.0 / 6.0)  # the hard sigmoid
    return Multiply(name=f"{name}_mul")([x, y])


def _activated(x: Any, swishes: bool) -> Any:
    return Activation("hard_swish")(x) if swishes else ReLU()(x)


def _normalized(x: Any, name: str) -> Any:
    return BatchNormalization(channel_axis(), momentum=0.999, name=f"{name}_bn")(x)
