"""Products and convolutions of whole numbers, exact: every sum is computed in float64, which holds them."""

from __future__ import annotations

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx.operators.convolution import conv
from pyconv.onnx.operators.linear import matmul
from pyconv.onnx.operators.windows import Sizes
from pyconv.onnx.registry import operator


def _centred(x: Array, zero_point: Array | None, axis: int) -> Array:
    """The numbers as float64, minus the zero point: one, or one for each place along an axis."""
    if zero_point is None:
        return x.astype(np.float64)
    zero = zero_point.astype(np.float64)
    if zero.ndim == 1 and zero.size > 1:
        shape = [1] * x.ndim
        shape[axis] = -1
        zero = zero.reshape(shape)
    elif zero.size == 1:
        zero = zero.reshape(())
    return x - zero


@operator("ConvInteger", layout="channels")
def conv_integer(
    x: Array,
    weights: Array,
    x_zero_point: Array | None = None,
    w_zero_point: Array | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sizes = None,
    group: int = 1,
    kernel_shape: Sizes = None,
    pads: Sizes = None,
    strides: Sizes = None,
) -> Array:
    y = conv(
        _centred(x, x_zero_point, -1),
        _centred(weights, w_zero_point, 0),
        auto_pad=auto_pad,
        dilations=dilations,
        group=group,
        kernel_shape=kernel_shape,
        pads=pads,
        strides=strides,
    )
    return np.rint(y).astype(np.int32)


@operator("MatMulInteger")
def matmul_integer(a: Array, b: Array, a_zero_point: Array | None = None, b_zero_point: Array | None = None) -> Array:
    y = matmul(_centred(a, a_zero_point, -2), _centred(b, b_zero_point, -1))
    return np.rint(y).astype(np.int32)


def requantized(sums: Array, scale: Array, y_scale: Array, y_zero_point: Array) -> Array:
    """Sums of products of quantized numbers, brought to another scale and zero point, as quantized numbers."""
    bounds = np.iinfo(y_zero_point.dtype)
    steps = np.rint(sums * (scale / y_scale.astype(np.float64))) + y_zero_point.astype(np.float64)
    y = np.clip(steps, bounds.min, bounds.max)
    return np.asarray(y.astype(y_zero_point.dtype))


@operator("QLinearConv", layout="channels")
def quantized_conv(
    x: Array,
    x_scale: Array,
    x_zero_point: Array,
    weights: Array,
    w_scale: Array,
    w_zero_point: Array,
    y_scale: Array,
    y_zero_point: Array,
    bias: Array | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sizes = None,
    group: int = 1,
    kernel_shape: Sizes = None,
    pads: Sizes = None,
    strides: Sizes = None,
) -> Array:
    y = conv(
        _centred(x, x_zero_point, -1),
        _centred(weights, w_zero_point, 0),
        None if bias is None else bias.astype(np.float64),
        auto_pad=auto_pad,
        dilations=dilations,
        group=group,
        kernel_shape=kernel_shape,
        pads=pads,
        strides=strides,
    )
    return requantized(y, x_scale.astype(np.float64) * w_scale, y_scale, y_zero_point)


@operator("QLinearMatMul")
def quantized_matmul(
    a: Array,
    a_scale: Array,
    a_zero_point: Array,
    b: Array,
    b_scale: Array,
    b_zero_point: Array,
    y_scale: Array,
    y_zero_point: Array,
) -> Array:
    y = matmul(_centred(a, a_zero_point, -2), _centred(b, b_zero_point, -1))
    left = a_scale.reshape(-1, 1) if a_scale.ndim == 1 and a_scale.size > 1 else a_scale
    return requantized(y, left.astype(np.float64) * b_scale, y_scale, y_zero_point)
