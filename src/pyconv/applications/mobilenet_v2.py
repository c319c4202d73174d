"""MobileNetV2: residual blocks that are wide inside and narrow outside. Sandler and others, 2018, arXiv:1801.04381."""

from __future__ import annotations

from typing import Any

from pyconv.applications.network import Top, channel_axis, halving_pads, network, rounded
from pyconv.layers import Add, BatchNormalization, Conv2D, DepthwiseConv2D, ReLU, ZeroPadding2D
from pyconv.symbolic import KerasTensor

# Channels, blocks, and the first block's strides; all but the first block are six times as wide inside.
_STAGES = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))


@network("mobilenetv2_{alpha:.2f}_{rows}")
def MobileNetV2(images: KerasTensor, top: Top, *, alpha: float = 1.0) -> Any:  # noqa: N802 - Keras' name
    """MobileNetV2: seventeen inverted residual blocks. Sandler and others, 2018, arXiv:1801.04381."""
    x = Conv2D(rounded(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")(images)
    x = ReLU(6.0, name="Conv1_relu")(_normalized(x, "bn_Conv1"))
    number = 0
    for channels, blocks, first_strides in _STAGES:
        for block in range(blocks):
            strides = first_strides if block == 0 else 1
            x = _block(x, rounded(channels * alpha), strides, f"block_{number}" if number else "expanded_conv")
            number += 1
    x = Conv2D(rounded(1280 * alpha) if alpha > 1 else 1280, 1, use_bias=False, name="Conv_1")(x)
    return top(ReLU(6.0, name="out_relu")(_normalized(x, "Conv_1_bn")), pool_name=None)


def _block(x: Any, channels: int, strides: int, name: str) -> Any:
    start, width = x, x.shape[channel_axis()]
    if name != "expanded_conv":
        x = Conv2D(6 * width, 1, padding="same", use_bias=False, name=f"{name}_expand")(x)
        x = ReLU(6.0, name=f"{name}_expand_relu")(_normalized(x, f"{name}_expand_BN"))
    if strides == 2:
        x = ZeroPadding2D(halving_pads(x, 3), name=f"{name}_pad")(x)
    padding = "same" if strides == 1 else "valid"
    x = DepthwiseConv2D(3, strides, padding, use_bias=False, name=f"{name}_depthwise")(x)
    x = ReLU(6.0, name=f"{name}_depthwise_relu")(_normalized(x, f"{name}_depthwise_BN"))
    x = Conv2D(channels, 1, padding="same", use_bias=False, name=f"{name}_project")(x)
    x = _normalized(x, f"{name}_project_BN")
    return Add(name=f"{name}_add")([start, x]) if strides == 1 and width == channels else x


def _normalized(x: Any, name: str) -> Any:
    return BatchNormalization(channel_axis(), momentum=0.999, name=name)(x)
