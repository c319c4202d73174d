"""Xception: separable convolutions with residual sums. Chollet, 2016, arXiv:1610.02357."""

from __future__ import annotations

from typing import Any

from pyconv.applications.network import Top, channel_axis, network
from pyconv.layers import Activation, Add, BatchNormalization, Conv2D, MaxPooling2D, SeparableConv2D
from pyconv.symbolic import KerasTensor


@network("xception", size=299, smallest=71)
def Xception(images: KerasTensor, top: Top) -> Any:  # noqa: N802 - Keras' name
    """Xception: fourteen blocks of separable convolutions. Chollet, 2016, arXiv:1610.02357."""
    x = _rectified(Conv2D(32, 3, strides=2, use_bias=False, name="block1_conv1")(images), "block1_conv1")
    x = _rectified(Conv2D(64, 3, use_bias=False, name="block1_conv2")(x), "block1_conv2")
    for block, filters in ((2, 128), (3, 256), (4, 728)):
        x = _narrowing(x, block, (filters, filters))
    for block in range(5, 13):
        y = x
        for number in (1, 2, 3):
            y = _separable(y, 728, f"block{block}_sepconv{number}")
        x = Add()([y, x])
    x = _narrowing(x, 13, (728, 1024))
    for number, filters in ((1, 1536), (2, 2048)):
        name = f"block14_sepconv{number}"
        x = SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
        x = _rectified(x, name)
    return top(x)


def _narrowing(x: Any, block: int, filters: tuple[int, int]) -> Any:
    """A block that halves the images."""
    shortcut = Conv2D(filters[1], 1, strides=2, padding="same", use_bias=False)(x)
    shortcut = BatchNormalization(channel_axis())(shortcut)
    for number, count in enumerate(filters, 1):
        # The activation before it was that of the convolutions above.
        x = _separable(x, count, f"block{block}_sepconv{number}", rectifies=(block, number) != (2, 1))
    x = MaxPooling2D(3, 2, padding="same", name=f"block{block}_pool")(x)
    return Add()([x, shortcut])


def _separable(x: Any, filters: int, name: str, rectifies: bool = True) -> Any:
    if rectifies:
        x = Activation("relu", name=f"{name}_act")(x)
    x = SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return BatchNormalization(channel_axis(), name=f"{name}_bn")(x)


def _rectified(x: Any, name: str) -> Any:
    x = BatchNormalization(channel_axis(), name=f"{name}_bn")(x)
    return Activation("relu", name=f"{name}_act")(x)
