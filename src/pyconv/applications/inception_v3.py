"""InceptionV3: branches of different windows side by side. Szegedy and others, 2015, arXiv:1512.00567."""

from __future__ import annotations

from typing import Any

from pyconv.applications.network import Top, channel_axis, network
from pyconv.layers import Activation, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, MaxPooling2D
from pyconv.symbolic import KerasTensor


@network("inception_v3", size=299, smallest=75)
def InceptionV3(images: KerasTensor, top: Top) -> Any:  # noqa: N802 - Keras' name
    """InceptionV3: eleven modules of parallel branches. Szegedy and others, 2015, arXiv:1512.00567."""
    x = _conv(images, 32, 3, 2, "valid")
    x = _conv(_conv(x, 32, 3, padding="valid"), 64, 3)
    x = MaxPooling2D(3, 2)(x)
    x = _conv(_conv(x, 80, 1, padding="valid"), 192, 3, padding="valid")
    x = MaxPooling2D(3, 2)(x)
    for module, pooled in enumerate((32, 64, 64)):
        branches = [_conv(x, 64, 1), _chain(x, (48, 1), (64, 5)), _chain(x, (64, 1), (96, 3), (96, 3))]
        x = _joined(module, [*branches, _conv(AveragePooling2D(3, 1, "same")(x), pooled, 1)])
    branches = [_conv(x, 384, 3, 2, "valid"), _conv(_chain(x, (64, 1), (96, 3)), 96, 3, 2, "valid")]
    x = _joined(3, [*branches, MaxPooling2D(3, 2)(x)])
    for module, width in enumerate((128, 160, 160, 192), 4):
        wide, tall = (1, 7), (7, 1)
        branches = [
            _conv(x, 192, 1),
            _chain(x, (width, 1), (width, wide), (192, tall)),
            _chain(x, (width, 1), (width, tall), (width, wide), (width, tall), (192, wide)),
        ]
        x = _joined(module, [*branches, _conv(AveragePooling2D(3, 1, "same")(x), 192, 1)])
    branches = [
        _conv(_conv(x, 192, 1), 320, 3, 2, "valid"),
        _conv(_chain(x, (192, 1), (192, (1, 7)), (192, (7, 1))), 192, 3, 2, "valid"),
    ]
    x = _joined(8, [*branches, MaxPooling2D(3, 2)(x)])
    for module in (9, 10):
        branches = [
            _conv(x, 320, 1),
            _crossed(_conv(x, 384, 1), f"mixed9_{module - 9}"),
            _crossed(_chain(x, (448, 1), (384, 3)), None),
        ]
        x = _joined(module, [*branches, _conv(AveragePooling2D(3, 1, "same")(x), 192, 1)])
    return top(x)


def _conv(x: Any, filters: int, kernel: Any, strides: int = 1, padding: str = "same") -> Any:
    x = Conv2D(filters, kernel, strides, padding, use_bias=False)(x)
    return Activation("relu")(BatchNormalization(channel_axis(), scale=False)(x))


def _chain(x: Any, *convolutions: tuple[int, Any]) -> Any:
    for filters, kernel in convolutions:
        x = _conv(x, filters, kernel)
    return x


def _crossed(x: Any, name: str | None) -> Any:
    """A wide and a tall window side by side."""
    return Concatenate(channel_axis(), name=name)([_conv(x, 384, (1, 3)), _conv(x, 384, (3, 1))])


def _joined(module: int, branches: list[Any]) -> Any:
    return Concatenate(channel_axis(), name=f"mixed{module}")(branches)
