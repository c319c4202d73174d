"""What passes ask of constants: whether one is a number for each channel, and how it meets a convolution's weights."""

from __future__ import annotations

import numpy as np

from pyconv.gradient import Array
from pyconv.program.graph import Node, Value
from pyconv.program.kinds import Binary, Conv, ConvTranspose


def channel_vector(value: Value, channels: int) -> Array | None:
    """A constant as a number for each channel, None if it is no constant or differs from pixel to pixel."""
    array = value.constant
    if array is None or any(size != 1 for size in array.shape[:-1]) or array.size not in (1, channels):
        return None
    return np.broadcast_to(array.reshape(-1), (channels,))


def affine_of(node: Node, value: Value) -> tuple[Array, Array] | None:  # noqa: PLR0911 - a table
    """(factor, shift), a number for each channel, if the node computes value * factor + shift; None if not."""
    if not isinstance(node.kind, Binary):
        return None
    first, second = node.inputs
    other = second if first is value else first
    channels = value.shape[-1] if value.shape else 1
    numbers = channel_vector(other, channels)
    if numbers is None or node.output.shape != value.shape:
        return None
    ones, zeros = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    match node.kind.function, first is value:
        case "mul", _:
            return numbers, zeros
        case "add", _:
            return ones, numbers
        case "sub", True:
            return ones, -numbers
        case "sub", False:
            return -ones, numbers
        case "div", True:
            return 1 / numbers, zeros
    return None


def scaled_results(kind: Conv | ConvTranspose, factor: Array, shift: Array) -> Conv | ConvTranspose:
    """The convolution whose results are those of `kind` times factor plus shift."""
    bias = shift if kind.bias is None else kind.bias * factor + shift
    if isinstance(kind, ConvTranspose):
        # (channels out / groups, channels in): each column has the factors of its group.
        factors = np.repeat(factor.reshape(kind.groups, -1).T, kind.weights.shape[-1] // kind.groups, axis=1)
        return kind._replace(weights=kind.weights * factors, bias=bias)
    return kind._replace(weights=kind.weights * factor, bias=bias)


def scaled_inputs(kind: Conv, factor: Array, shift: Array) -> Conv:
    """The convolution that makes of x what `kind` makes of x * factor + shift; a shift allows no zeros round x."""
    *window, inside, filters = kind.weights.shape
    # Input channel i of group g meets the filters of group g alone.
    by_group = kind.weights.reshape(*window, inside, kind.groups, filters // kind.groups)
    factors, shifts = (numbers.reshape(kind.groups, inside).T[:, :, None] for numbers in (factor, shift))
    weights = (by_group * factors).reshape(kind.weights.shape)
    if not shift.any():
        return kind._replace(weights=weights)
    taps = tuple(range(len(window) + 1))
    added = (by_group * shifts).sum(axis=taps, dtype=np.float64).reshape(filters).astype(np.float32)
    return kind._replace(weights=weights, bias=added if kind.bias is None else kind.bias + added)
