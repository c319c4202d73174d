"""EfficientNetB0: MobileNetV2's blocks with channels weighed and swish. Tan and Le, 2019, arXiv:1905.11946."""

from __future__ import annotations

from typing import Any

from pyconv.applications.network import Top, channel_axis, halving_pads, network
from pyconv.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Multiply,
    Normalization,
    Rescaling,
    Reshape,
    ZeroPadding2D,
)
from pyconv.symbolic import KerasTensor

# Kernel size, blocks, channels, width inside by that outside, and the first block's strides.
_STAGES = (
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)
_DROPPED = 0.2  # of the last block's results while training, in proportion less before


@network("efficientnetb0")
def EfficientNetB0(images: KerasTensor, top: Top) -> Any:  # noqa: N802 - Keras' name
    """EfficientNet's smallest network. Tan and Le, 2019, arXiv:1905.11946."""
    x = Normalization(axis=channel_axis())(Rescaling(1 / 255)(images))
    x = ZeroPadding2D(halving_pads(x, 3), name="stem_conv_pad")(x)
    x = Conv2D(32, 3, strides=2, use_bias=False, name="stem_conv")(x)
    x = activated(x, "stem_bn", "stem_activation")
    total, number = sum(blocks for _, blocks, *_ in _STAGES), 0
    for stage, (kernel, blocks, channels, ratio, first_strides) in enumerate(_STAGES, 1):
        for block in range(blocks):
            name, strides = f"block{stage}{chr(ord('a') + block)}_", first_strides if block == 0 else 1
            x = _block(x, name, kernel, channels, ratio, strides, _DROPPED * number / total)
            number += 1
    return classified(x, top)


def _block(x: Any, name: str, kernel: int, channels: int, ratio: int, strides: int, dropped: float) -> Any:
    start, width = x, x.shape[channel_axis()]
    if ratio != 1:
        x = Conv2D(ratio * width, 1, padding="same", use_bias=False, name=f"{name}expand_conv")(x)
        x = activated(x, f"{name}expand_bn", f"{name}expand_activation")
    if strides == 2:
        x = ZeroPadding2D(halving_pads(x, kernel), name=f"{name}dwconv_pad")(x)
    padding = "same" if strides == 1 else "valid"
    x = DepthwiseConv2D(kernel, strides, padding, use_bias=False, name=f"{name}dwconv")(x)
    x = activated(x, f"{name}bn", f"{name}activation")
    x = weighed(x, name, max(1, width // 4))
    x = Conv2D(channels, 1, padding="same", use_bias=False, name=f"{name}project_conv")(x)
    x = BatchNormalization(channel_axis(), name=f"{name}project_bn")(x)
    return residual(x, start, name, dropped) if strides == 1 and width == channels else x


def activated(x: Any, normalization: str, activation: str, momentum: float = 0.99) -> Any:
    """Normalized over the batch, then through swish."""
    x = BatchNormalization(channel_axis(), momentum=momentum, name=normalization)(x)
    return Activation("swish", name=activation)(x)


def weighed(x: Any, name: str, reduced: int) -> Any:
    """Multiplies each channel by a weight that is computed from the means of all, squeezed to `reduced` numbers."""
    channels = x.shape[channel_axis()]
    shape = (channels, 1, 1) if channel_axis() == 1 else (1, 1, channels)
    y = Reshape(shape, name=f"{name}se_reshape")(GlobalAveragePooling2D(name=f"{name}se_squeeze")(x))
    y = Conv2D(reduced, 1, padding="same", activation="swish", name=f"{name}se_reduce")(y)
    y = Conv2D(channels, 1, padding="same", activation="sigmoid", name=f"{name}se_expand")(y)
    return Multiply(name=f"{name}se_excite")([x, y])


def residual(x: Any, start: Any, name: str, dropped: float) -> Any:
    """The block's result, dropped for some images while training, and its start added up."""
    if dropped > 0:
        x = Dropout(dropped, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return Add(name=f"{name}add")([x, start])


def classified(x: Any, top: Top, momentum: float = 0.99) -> Any:
    """The end: 1280 channels, their means, and a dense layer that scores the classes."""
    x = Conv2D(1280, 1, padding="same", use_bias=False, name="top_conv")(x)
    x = activated(x, "top_bn", "top_activation", momentum)
    if not top.include:
        return top.pooled(x)
    x = Dropout(0.2, name="top_dropout")(GlobalAveragePooling2D(name="avg_pool")(x))
    return Dense(top.classes, activation=top.activation, name="predictions")(x)
