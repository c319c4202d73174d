"""Convolution layers against the NumPy reference: every rank, both data formats, strides and dilation together."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import reference
from arrays import Array, integers
from pyconv import layers, ops
from pyconv.gradient import Tape

SIZES = {1: (11,), 2: (9, 8), 3: (5, 7, 6)}
both_formats = pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
paddings = pytest.mark.parametrize("padding", ["valid", "same"])


def run(layer: layers.Layer, x: Array, data_format: str) -> tuple[Array, list[Array]]:
    """The layer's result channels last, and the weights, all small integers: sums are exact."""
    first = data_format == "channels_first"
    given = np.ascontiguousarray(np.moveaxis(x, -1, 1)) if first else x
    layer.build((None, *given.shape[1:]))
    generator = np.random.default_rng(33)
    weights = [integers(generator, weight.shape) for weight in layer.weights]
    layer.set_weights(weights)
    y = layer(given)
    assert y.shape == layer.compute_output_shape(given.shape)
    return np.moveaxis(y, 1, -1) if first else y, weights


def images(rank: int, channels: int) -> Array:
    return integers(np.random.default_rng(34), (2, *SIZES[rank], channels))


def geometry(rank: int, padding: str) -> tuple[Any, Any, Any, Any]:
    """Window, strides, dilation and the pads that they need."""
    window, strides, dilation = (3, 2, 2)[:rank], (2, 1, 2)[:rank], (2, 3, 1)[:rank]
    pads = [(0, 0)] * rank
    return (
        window,
        strides,
        dilation,
        reference.same_pads(SIZES[rank], window, strides, dilation) if padding == "same" else pads,
    )


@pytest.mark.parametrize("rank", [1, 2, 3])
@both_formats
@paddings
def test_conv(rank: int, data_format: str, padding: str) -> None:
    window, strides, dilation, pads = geometry(rank, padding)
    layer = getattr(layers, f"Conv{rank}D")(6, window, strides, padding, data_format, dilation, groups=2)
    x = images(rank, 4)
    y, (kernel, bias) = run(layer, x, data_format)
    np.testing.assert_array_equal(y, reference.conv(x, kernel, bias, strides, dilation, pads))


@pytest.mark.parametrize("rank", [1, 2, 3])
@both_formats
@paddings
def test_conv_transpose(rank: int, data_format: str, padding: str) -> None:
    """What "same" and "valid" cut off is what the convolution with those words pads: test_conv_transpose.py."""
    window, strides, dilation, _ = geometry(rank, padding)
    layer = getattr(layers, f"Conv{rank}DTranspose")(
        6, window, strides, padding, data_format=data_format, dilation_rate=dilation
    )
    x = images(rank, 4)
    y, (kernel, bias) = run(layer, x, data_format)
    size = layer.output_size(SIZES[rank])
    pads = reference.same_pads(size, window, strides, dilation) if padding == "same" else [(0, 0)] * rank
    spans = zip(SIZES[rank], window, strides, dilation, strict=True)
    full = [(n - 1) * s + (k - 1) * d + 1 for n, k, s, d in spans]
    crops = [(before, total - before - kept) for (before, _), total, kept in zip(pads, full, size, strict=True)]
    np.testing.assert_array_equal(y, reference.conv_transpose(x, kernel, bias, strides, dilation, crops))


def depthwise_as_grouped(kernel: Array) -> Array:
    """(*window, C, M) as (*window, 1, C * M): the convolution with as many groups as channels."""
    return kernel.reshape(*kernel.shape[:-2], 1, -1)


@pytest.mark.parametrize("rank", [1, 2])
@both_formats
@paddings
def test_depthwise(rank: int, data_format: str, padding: str) -> None:
    window, strides, dilation, pads = geometry(rank, padding)
    layer = getattr(layers, f"DepthwiseConv{rank}D")(window, strides, padding, 2, data_format, dilation)
    x = images(rank, 3)
    y, (kernel, bias) = run(layer, x, data_format)
    np.testing.assert_array_equal(y, reference.conv(x, depthwise_as_grouped(kernel), bias, strides, dilation, pads))


@pytest.mark.parametrize("rank", [1, 2])
@both_formats
@paddings
def test_separable(rank: int, data_format: str, padding: str) -> None:
    window, strides, dilation, pads = geometry(rank, padding)
    layer = getattr(layers, f"SeparableConv{rank}D")(5, window, strides, padding, data_format, dilation, 2)
    x = images(rank, 3)
    y, (depthwise, pointwise, bias) = run(layer, x, data_format)
    middle = reference.conv(x, depthwise_as_grouped(depthwise), None, strides, dilation, pads)
    np.testing.assert_array_equal(y, reference.dense(middle, pointwise.reshape(pointwise.shape[-2:]), bias))


@both_formats
def test_causal_convolution_sees_no_future(data_format: str) -> None:
    layer = layers.Conv1D(4, 3, padding="causal", dilation_rate=2, data_format=data_format)
    x = images(1, 3)
    y, (kernel, bias) = run(layer, x, data_format)
    np.testing.assert_array_equal(y, reference.conv(x, kernel, bias, (1,), (2,), [(4, 0)]))
    later = x.copy()
    later[:, 6:] += 1
    changed = layer(np.moveaxis(later, -1, 1) if data_format == "channels_first" else later)
    changed = np.moveaxis(changed, 1, -1) if data_format == "channels_first" else changed
    np.testing.assert_array_equal(changed[:, :6], y[:, :6])
    assert (changed[:, 6:] != y[:, 6:]).any()


@both_formats
def test_the_gradient_reaches_every_weight(data_format: str) -> None:
    """Finite differences of each operation are in test_gradients.py; here it is that layers hand them on."""
    shape = (2, 5, 6, 4) if data_format == "channels_last" else (2, 4, 5, 6)
    for layer in (
        layers.Conv2D(4, 3, data_format=data_format),
        layers.Conv2DTranspose(4, 3, data_format=data_format),
        layers.DepthwiseConv2D(3, data_format=data_format),
        layers.SeparableConv2D(4, 3, data_format=data_format),
    ):
        layer.build((None, *shape[1:]))
        x = np.ones(shape, np.float32)
        with Tape([x, *(weight.value for weight in layer.weights)]) as tape:
            y = ops.square(layer(x))
        assert all(gradient.any() for gradient in tape.gradient(y)), layer


def test_numpy_integers_are_sizes() -> None:
    layer = layers.Conv2DTranspose(np.int64(4), np.array([3, 2]), np.int32(2), output_padding=np.uint8(1))
    assert layer(np.zeros((1, 3, 3, 2))).shape == (1, 8, 7, 4)
    assert all(type(size) is int for size in (layer.filters, *layer.kernel_size, *(layer.output_padding or ())))


def test_help_shows_every_argument() -> None:
    for name in ("Conv1D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv1D"):
        parameters = inspect.signature(getattr(layers, name)).parameters
        assert {"strides", "padding", "activation", "bias_regularizer", "activity_regularizer"} <= set(parameters)
