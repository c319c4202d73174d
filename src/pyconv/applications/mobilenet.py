"""MobileNet: depthwise and 1x1 convolutions in turns. Howard and others, 2017, arXiv:1704.04861."""

from __future__ import annotations

from typing import Any

from pyconv.applications.network import Top, channel_axis, network
from pyconv.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    ReLU,
    Reshape,
    ZeroPadding2D,
)
from pyconv.symbolic import KerasTensor

_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))


@network("mobilenet_{alpha:.2f}_{rows}")
def MobileNet(  # noqa: N802 - Keras' name
    images: KerasTensor, top: Top, *, alpha: float = 1.0, depth_multiplier: int = 1, dropout: float = 1e-3
) -> Any:
    """MobileNet: thirteen pairs of a depthwise and a 1x1 convolution. Howard and others, 2017, arXiv:1704.04861."""
    x = Conv2D(int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1")(images)
    x = _rectified(x, "conv1")
    for number, (filters, strides) in enumerate(_BLOCKS, 1):
        if strides == 2:
            x = ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x)
        name, padding = f"conv_dw_{number}", "same" if strides == 1 else "valid"
        x = DepthwiseConv2D(3, strides, padding, depth_multiplier, use_bias=False, name=name)(x)
        x = _rectified(x, name)
        name = f"conv_pw_{number}"
        x = _rectified(Conv2D(int(filters * alpha), 1, padding="same", use_bias=False, name=name)(x), name)
    if not top.include:
        return top.pooled(x)
    x = Dropout(dropout, name="dropout")(GlobalAveragePooling2D(keepdims=True)(x))
    x = Conv2D(top.classes, 1, padding="same", name="conv_preds")(x)
    x = Reshape((top.classes,), name="reshape_2")(x)
    return Activation(top.activation, name="predictions")(x)


def _rectified(x: Any, name: str) -> Any:
    return ReLU(6.0, name=f"{name}_relu")(BatchNormalization(channel_axis(), name=f"{name}_bn")(x))
