"""VGG16: five blocks of 3x3 convolutions. Simonyan and Zisserman, 2014, arXiv:1409.1556."""

from __future__ import annotations

from typing import Any

from pyconv.applications.network import Top, network
from pyconv.layers import Conv2D, Dense, Flatten, MaxPooling2D
from pyconv.symbolic import KerasTensor


@network("vgg16")
def VGG16(images: KerasTensor, top: Top) -> Any:  # noqa: N802 - Keras' name
    """VGG16: thirteen 3x3 convolutions and three dense layers. Simonyan and Zisserman, 2014, arXiv:1409.1556."""
    x: Any = images
    for block, (filters, convolutions) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)], 1):
        for number in range(1, convolutions + 1):
            x = Conv2D(filters, 3, padding="same", activation="relu", name=f"block{block}_conv{number}")(x)
        x = MaxPooling2D(2, name=f"block{block}_pool")(x)
    if not top.include:
        return top.pooled(x)
    x = Flatten(name="flatten")(x)
    for number in (1, 2):
        x = Dense(4096, activation="relu", name=f"fc{number}")(x)
    return top.predictions(x)
