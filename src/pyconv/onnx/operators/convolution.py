"""Convolution and its transpose, by the core. Images come with channels last; weights as ONNX has them, or kept."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pyconv import ops
from pyconv.gradient import Array
from pyconv.onnx import memory
from pyconv.onnx.operators.floats import as_core_float, as_dtype_of
from pyconv.onnx.operators.windows import Sizes, Window, resolve, steps
from pyconv.onnx.registry import operator
from pyconv.ops.conv import Kernel, convolve
from pyconv.ops.conv_plans import Activation, Settled
from pyconv.ops.conv_transpose import SettledTranspose, transposed
from pyconv.variable import Variable


def _hwio(weights: Array) -> Array:
    """(M, C / groups, *window) as (*window, C / groups, M)."""
    order = (*range(2, weights.ndim), 1, 0)
    return np.ascontiguousarray(as_core_float(weights).transpose(order))


def _kept_weights(weights: Array, attributes: dict[str, Any]) -> Array | Variable:
    # Fewer than three axes are no weights; the call will say so.
    return Variable(_hwio(weights)) if weights.ndim > 2 and weights.dtype.kind == "f" else weights


def _kept_bias(bias: Array, attributes: dict[str, Any]) -> Array | Variable:
    return Variable(as_core_float(bias)) if bias.dtype.kind == "f" else bias


@operator("Conv", layout="channels", keep={1: _kept_weights, 2: _kept_bias})
def conv(
    x: Array,
    weights: Array | Variable,
    bias: Array | Variable | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sizes = None,
    group: int = 1,
    kernel_shape: Sizes = None,
    pads: Sizes = None,
    strides: Sizes = None,
    activation: Activation = "linear",
) -> Array:
    image = as_core_float(x)
    kernel = weights if isinstance(weights, Variable) else _hwio(weights)
    offset = bias if bias is None or isinstance(bias, Variable) else as_core_float(bias)
    *sizes, channels, filters = kernel.shape
    check_weights(image, sizes, kernel_shape)
    if image.shape[-1] != channels * group or filters % group:
        raise ValueError(
            f"Conv: X must have group times the channels of W, and its filters be divisible by group. "
            f"Received: {image.shape[-1]} channels, W of {channels}, {filters} filters, group={group}."
        )
    settled, shape = _settled(auto_pad, dilations, pads, strides, tuple(sizes), image.shape)
    memory.checked((*shape, filters), image.dtype)
    return as_dtype_of(convolve(settled, image, kernel, offset, None, activation), x)


def check_weights(image: Array, sizes: Sequence[int], kernel_shape: Sizes) -> None:
    """Refuses weights of another rank than the images, or of another window than the attribute says."""
    if not 1 <= len(sizes) <= 3 or image.ndim != len(sizes) + 2:
        raise ValueError(f"X and W must have equally many axes, 3 to 5. Received: {image.ndim} and {len(sizes) + 2}.")
    if kernel_shape is not None and tuple(kernel_shape) != tuple(sizes):
        raise ValueError(f"kernel_shape must be that of W. Received: {kernel_shape}, W has {tuple(sizes)}.")


@functools.lru_cache(maxsize=256)
def _settled(
    auto_pad: str, dilations: Sizes, pads: Sizes, strides: Sizes, sizes: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[Settled, tuple[int, ...]]:
    window = resolve(sizes, shape[1:-1], auto_pad=auto_pad, dilations=dilations, pads=pads, strides=strides)
    settled = Settled("conv", window.strides, window.pads, window.dilations, channels_first=False)
    return settled, (shape[0], *window.output_sizes(shape[1:-1]))


Kernels = list[Variable]


def _kept_transposed(weights: Array, attributes: dict[str, Any]) -> Array | Kernels:
    if weights.ndim < 3 or weights.dtype.kind != "f":
        return weights
    return [Variable(part) for part in _transposed_kernels(weights, attributes.get("group", 1))]


def _transposed_kernels(weights: Array, group: int) -> list[Array]:
    """(C, M / groups, *window) as (*window, M / groups, C / groups), one for each group."""
    if group < 1 or len(weights) % group:
        raise ValueError(f"ConvTranspose: the channels must be divisible by group. Received: {len(weights)}, {group}.")
    return [_hwio(part) for part in np.split(weights, group)]


@operator("ConvTranspose", layout="channels", keep={1: _kept_transposed})
def conv_transpose(
    x: Array,
    weights: Array | Kernels,
    bias: Array | None = None,
    *,
    auto_pad: str = "NOTSET",
    dilations: Sizes = None,
    group: int = 1,
    kernel_shape: Sizes = None,
    output_padding: Sizes = None,
    output_shape: Sizes = None,
    pads: Sizes = None,
    strides: Sizes = None,
) -> Array:
    image = as_core_float(x)
    kernels: Sequence[Kernel] = weights if isinstance(weights, list) else _transposed_kernels(weights, group)
    *sizes, filters, _ = kernels[0].shape
    check_weights(image, sizes, kernel_shape)
    moves = transposition(
        sizes,
        image.shape[1:-1],
        auto_pad=auto_pad,
        dilations=dilations,
        output_padding=output_padding,
        output_shape=output_shape,
        pads=pads,
        strides=strides,
    )
    added = [(max(-before, 0), max(-after, 0)) for before, after in moves.crops]
    memory.checked((image.shape[0], *map(max, moves.sizes, moves.covered), filters * len(kernels)), image.dtype)
    settled = SettledTranspose(moves.strides, moves.pads, None, moves.dilations, channels_first=False)
    parts = [
        transposed(settled, part, kernel, None)
        for part, kernel in zip(_channel_groups(image, len(kernels)), kernels, strict=True)
    ]
    y = parts[0] if len(parts) == 1 else np.concatenate(parts, -1)
    if any(map(any, added)):
        y = ops.pad(y, ((0, 0), *added, (0, 0)))
    if bias is not None:
        y += bias
    return as_dtype_of(y, x)


class Transposition(NamedTuple):
    """How a transposed convolution moves.

    Attributes:
        covered: results along each axis that the windows reach.
        crops: how many of them are cut off before and after; where negative, zeros are added.
    """

    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    covered: tuple[int, ...]
    crops: tuple[tuple[int, int], ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the results."""
        return tuple(c - before - after for c, (before, after) in zip(self.covered, self.crops, strict=True))

    @property
    def pads(self) -> tuple[tuple[int, int], ...]:
        """What is cut off, those of the convolution whose gradient it is."""
        return tuple((max(before, 0), max(after, 0)) for before, after in self.crops)


def transposition(
    window: Sequence[int],
    sizes: Sequence[int],
    *,
    auto_pad: str = "NOTSET",
    dilations: Sizes = None,
    output_padding: Sizes = None,
    output_shape: Sizes = None,
    pads: Sizes = None,
    strides: Sizes = None,
) -> Transposition:
    """The operator's attributes for a window and images of these sizes."""
    rank = len(window)
    step, dilation = steps("strides", strides, rank), steps("dilations", dilations, rank)
    more = steps("output_padding", output_padding, rank, default=0)
    covered = tuple((n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(sizes, step, window, dilation, strict=True))
    whole = [c + extra for c, extra in zip(covered, more, strict=True)]
    crops = _crops(auto_pad, pads, output_shape, whole, sizes, step)
    # What is to be added at an end lies beyond all windows.
    crops = [(before, after - extra) for (before, after), extra in zip(crops, more, strict=True)]
    return Transposition(step, dilation, covered, tuple(crops))


def _channel_groups(image: Array, count: int) -> list[Array]:
    return [image] if count == 1 else [np.ascontiguousarray(part) for part in np.split(image, count, -1)]


def _crops(
    auto_pad: str, pads: Sizes, output_shape: Sizes, whole: list[int], sizes: Sequence[int], step: Sequence[int]
) -> list[tuple[int, int]]:
    """What each axis loses before and after of the `whole` result."""
    rank = len(whole)
    if output_shape is not None:
        wanted = tuple(output_shape)[-rank:]
    elif auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        wanted = tuple(n * s for n, s in zip(sizes, step, strict=True))
    else:
        given = Window.pairs(pads, rank) if auto_pad == "NOTSET" else ((0, 0),) * rank
        return list(given)
    if len(wanted) != rank or any(size < 1 for size in wanted):
        raise ValueError(f"ConvTranspose: output_shape must have {rank} sizes. Received: {output_shape}.")
    totals = [size - want for size, want in zip(whole, wanted, strict=True)]
    smaller = [(total // 2, total - total // 2) for total in totals]
    return smaller if auto_pad == "SAME_UPPER" else [(after, before) for before, after in smaller]
