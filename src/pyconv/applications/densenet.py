"""DenseNet121: each layer sees the results of all before it. Huang and others, 2016, arXiv:1608.06993."""

from __future__ import annotations

from typing import Any

from pyconv.applications.network import Top, channel_axis, network
from pyconv.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from pyconv.symbolic import KerasTensor

_GROWTH = 32  # channels that each layer adds


@network("densenet121")
def DenseNet121(images: KerasTensor, top: Top) -> Any:  # noqa: N802 - Keras' name
    """DenseNet of 121 layers in four dense blocks. Huang and others, 2016, arXiv:1608.06993."""
    x = Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(ZeroPadding2D(3)(images))
    x = _rectified(x, "conv1_bn", "conv1_relu")
    x = MaxPooling2D(3, 2, name="pool1")(ZeroPadding2D(1)(x))
    for stage, layers in enumerate((6, 12, 24, 16), 2):
        for number in range(1, layers + 1):
            x = _layer(x, f"conv{stage}_block{number}")
        if stage < 5:
            x = _rectified(x, f"pool{stage}_bn", f"pool{stage}_relu")
            x = Conv2D(x.shape[channel_axis()] // 2, 1, use_bias=False, name=f"pool{stage}_conv")(x)
            x = AveragePooling2D(2, name=f"pool{stage}_pool")(x)
    return top(_rectified(x, "bn", "relu"))


def _layer(x: Any, name: str) -> Any:
    y = _rectified(x, f"{name}_0_bn", f"{name}_0_relu")
    y = Conv2D(4 * _GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(y)
    y = _rectified(y, f"{name}_1_bn", f"{name}_1_relu")
    y = Conv2D(_GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(y)
    return Concatenate(channel_axis(), name=f"{name}_concat")([x, y])


def _rectified(x: Any, normalization: str, activation: str) -> Any:
    x = BatchNormalization(channel_axis(), epsilon=1.001e-5, name=normalization)(x)
    return Activation("relu", name=activation)(x)
