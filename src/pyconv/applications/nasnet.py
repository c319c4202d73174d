"""NASNetMobile: two kinds of cells that a search had found, stacked. Zoph and others, 2017, arXiv:1707.07012."""

from __future__ import annotations

from typing import Any

from pyconv.applications.network import Top, channel_axis, halving_pads, network
from pyconv.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Cropping2D,
    MaxPooling2D,
    SeparableConv2D,
    ZeroPadding2D,
)
from pyconv.symbolic import KerasTensor

_FILTERS = 44  # of the first normal cells; each reduction doubles them
_CELLS = 4  # normal cells in a row


@network("nasnet_mobile")
def NASNetMobile(images: KerasTensor, top: Top) -> Any:  # noqa: N802 - Keras' name
    """NASNet with twelve normal cells and four reductions. Zoph and others, 2017, arXiv:1707.07012."""
    x = Conv2D(32, 3, strides=2, use_bias=False, name="stem_conv1")(images)
    x = _normalized(x, "stem_bn1")
    # Each cell sees the results of the two before it.
    before, x = x, _reduction(x, None, _FILTERS // 4, "stem_1")
    before, x = x, _reduction(x, before, _FILTERS // 2, "stem_2")
    for stage, first in enumerate((0, 5, 9)):  # the first normal cell's number, as Keras counts them
        filters = _FILTERS * 2**stage
        if stage > 0:
            before, x = x, _reduction(x, before, filters, f"reduce_{stage * _CELLS}")
        for cell in range(_CELLS):
            before, x = x, _normal(x, before, filters, str(first + cell))
    return top(Activation("relu")(x), pool_name=None)


def _normal(x: Any, before: Any, filters: int, name: str) -> Any:
    """A cell that keeps the images' size."""
    p = _adjusted(before, x, filters, name)
    h = _projected(x, filters, "normal", name)
    one = _separable(h, filters, 5, 1, f"normal_left1_{name}")
    one = Add(name=f"normal_add_1_{name}")([one, _separable(p, filters, 3, 1, f"normal_right1_{name}")])
    two = _separable(p, filters, 5, 1, f"normal_left2_{name}")
    two = Add(name=f"normal_add_2_{name}")([two, _separable(p, filters, 3, 1, f"normal_right2_{name}")])
    three = AveragePooling2D(3, 1, "same", name=f"normal_left3_{name}")(h)
    three = Add(name=f"normal_add_3_{name}")([three, p])
    four = [AveragePooling2D(3, 1, "same", name=f"normal_{side}4_{name}")(p) for side in ("left", "right")]
    four = Add(name=f"normal_add_4_{name}")(four)
    five = _separable(h, filters, 3, 1, f"normal_left5_{name}")
    five = Add(name=f"normal_add_5_{name}")([five, h])
    return Concatenate(channel_axis(), name=f"normal_concat_{name}")([p, one, two, three, four, five])


def _reduction(x: Any, before: Any, filters: int, name: str) -> Any:
    """A cell that halves the images."""
    p = x if before is None else _adjusted(before, x, filters, name)
    h = _projected(x, filters, "reduction", name)
    padded = ZeroPadding2D(halving_pads(h, 3), name=f"reduction_pad_1_{name}")(h)
    one = _separable(h, filters, 5, 2, f"reduction_left1_{name}")
    one = Add(name=f"reduction_add_1_{name}")([one, _separable(p, filters, 7, 2, f"reduction_right1_{name}")])
    two = MaxPooling2D(3, 2, name=f"reduction_left2_{name}")(padded)
    two = Add(name=f"reduction_add_2_{name}")([two, _separable(p, filters, 7, 2, f"reduction_right2_{name}")])
    three = AveragePooling2D(3, 2, name=f"reduction_left3_{name}")(padded)
    three = Add(name=f"reduction_add3_{name}")([three, _separable(p, filters, 5, 2, f"reduction_right3_{name}")])
    four = Add()([two, AveragePooling2D(3, 1, "same", name=f"reduction_left4_{name}")(one)])
    five = _separable(one, filters, 3, 1, f"reduction_left4_{name}")
    five = Add(name=f"reduction_add4_{name}")([five, MaxPooling2D(3, 2, name=f"reduction_right5_{name}")(padded)])
    return Concatenate(channel_axis(), name=f"reduction_concat_{name}")([two, three, four, five])


def _adjusted(before: Any, x: Any, filters: int, name: str) -> Any:
    """The result of the cell before the last, brought to the last one's size and this one's channels."""
    if before.shape[1:-1] == x.shape[1:-1] if channel_axis() == -1 else before.shape[2:] == x.shape[2:]:
        y = Activation("relu")(before)
        y = Conv2D(filters, 1, padding="same", use_bias=False, name=f"adjust_conv_projection_{name}")(y)
        return _normalized(y, f"adjust_bn_{name}")
    y = Activation("relu", name=f"adjust_relu_1_{name}")(before)
    # Every second pixel, and those between them.
    between = Cropping2D(((1, 0), (1, 0)))(ZeroPadding2D(((0, 1), (0, 1)))(y))
    halves = []
    for number, pixels in enumerate((y, between), 1):
        half = AveragePooling2D(1, 2, name=f"adjust_avg_pool_{number}_{name}")(pixels)
        half = Conv2D(filters // 2, 1, padding="same", use_bias=False, name=f"adjust_conv_{number}_{name}")(half)
        halves.append(half)
    return _normalized(Concatenate(channel_axis())(halves), f"adjust_bn_{name}")


def _projected(x: Any, filters: int, kind: str, name: str) -> Any:
    x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{kind}_conv_1_{name}")(Activation("relu")(x))
    return _normalized(x, f"{kind}_bn_1_{name}")


def _separable(x: Any, filters: int, kernel: int, strides: int, name: str) -> Any:
    """Two separable convolutions; the first may have strides."""
    for number in (1, 2):
        x = Activation("relu")(x)
        padding = "same"
        if number == 1 and strides == 2:
            x = ZeroPadding2D(halving_pads(x, kernel), name=f"separable_conv_1_pad_{name}")(x)
            padding = "valid"
        steps = strides if number == 1 else 1
        conv = SeparableConv2D(filters, kernel, steps, padding, use_bias=False, name=f"separable_conv_{number}_{name}")
        x = _normalized(conv(x), f"separable_conv_{number}_bn_{name}")
    return x


def _normalized(x: Any, name: str) -> Any:
    return BatchNormalization(channel_axis(), momentum=0.9997, name=name)(x)
