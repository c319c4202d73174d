"""EfficientNetV2B0: EfficientNet with plain convolutions in its first blocks. Tan and Le, 2021, arXiv:2104.00298."""

from __future__ import annotations

from typing import Any

from pyconv.applications.efficientnet import activated, classified, residual, weighed
from pyconv.applications.network import Top, channel_axis, network
from pyconv.layers import BatchNormalization, Conv2D, DepthwiseConv2D, Normalization, Rescaling
from pyconv.symbolic import KerasTensor

# Blocks, channels, width inside by that outside, first strides, and whether the convolution inside is plain.
_STAGES = (
    (1, 16, 1, 1, True),
    (2, 32, 4, 2, True),
    (2, 48, 4, 2, True),
    (3, 96, 4, 2, False),
    (5, 112, 6, 1, False),
    (8, 192, 6, 2, False),
)
_DROPPED = 0.2  # of the last block's results while training, in proportion less before
_MOMENTUM = 0.9
# ImageNet's, of images from 0 to 1.
_MEAN, _VARIANCE = (0.485, 0.456, 0.406), (0.229**2, 0.224**2, 0.225**2)


@network("efficientnetv2-b0")
def EfficientNetV2B0(  # noqa: N802 - Keras' name
    images: KerasTensor, top: Top, *, include_preprocessing: bool = True
) -> Any:
    """EfficientNetV2's smallest network. Tan and Le, 2021, arXiv:2104.00298."""
    x: Any = images
    if include_preprocessing:
        x = Normalization(mean=_MEAN, variance=_VARIANCE, axis=channel_axis())(Rescaling(1 / 255)(x))
    x = Conv2D(32, 3, strides=2, padding="same", use_bias=False, name="stem_conv")(x)
    x = activated(x, "stem_bn", "stem_activation", _MOMENTUM)
    total, number = sum(blocks for blocks, *_ in _STAGES), 0
    for stage, (blocks, channels, ratio, first_strides, is_plain) in enumerate(_STAGES, 1):
        for block in range(blocks):
            start, name = x, f"block{stage}{chr(ord('a') + block)}_"
            strides = first_strides if block == 0 else 1
            x = (_plain_block if is_plain else _depthwise_block)(x, name, channels, ratio, strides)
            if strides == 1 and start.shape[channel_axis()] == channels:
                x = residual(x, start, name, _DROPPED * number / total)
            number += 1
    return classified(x, top, _MOMENTUM)


def _plain_block(x: Any, name: str, channels: int, ratio: int, strides: int) -> Any:
    if ratio != 1:
        inside = ratio * x.shape[channel_axis()]
        x = Conv2D(inside, 3, strides, padding="same", use_bias=False, name=f"{name}expand_conv")(x)
        x = activated(x, f"{name}expand_bn", f"{name}expand_activation", _MOMENTUM)
        x = Conv2D(channels, 1, padding="same", use_bias=False, name=f"{name}project_conv")(x)
        return BatchNormalization(channel_axis(), momentum=_MOMENTUM, name=f"{name}project_bn")(x)
    x = Conv2D(channels, 3, strides, padding="same", use_bias=False, name=f"{name}project_conv")(x)
    return activated(x, f"{name}project_bn", f"{name}project_activation", _MOMENTUM)


def _depthwise_block(x: Any, name: str, channels: int, ratio: int, strides: int) -> Any:
    width = x.shape[channel_axis()]
    x = Conv2D(ratio * width, 1, padding="same", use_bias=False, name=f"{name}expand_conv")(x)
    x = activated(x, f"{name}expand_bn", f"{name}expand_activation", _MOMENTUM)
    x = DepthwiseConv2D(3, strides, padding="same", use_bias=False, name=f"{name}dwconv2")(x)
    x = activated(x, f"{name}bn", f"{name}activation", _MOMENTUM)
    x = weighed(x, name, max(1, width // 4))
    x = Conv2D(channels, 1, padding="same", use_bias=False, name=f"{name}project_conv")(x)
    return BatchNormalization(channel_axis(), momentum=_MOMENTUM, name=f"{name}project_bn")(x)
