"""What a node of a program's graph may compute: one small tuple a kind, its settings and constants. No code that runs.

Channels always come last. Shapes, axes and sizes are those of one sample: the batch axis stands before them and is
never named. dtype is float32 throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from pyconv.gradient import Array
from pyconv.ops.conv_plans import Activation
from pyconv.ops.geometry import Pads


class Conv(NamedTuple):
    """activation(convolution + bias + residual); depthwise and grouped ones by `groups`.

    Its inputs are the images and, if it has one, the residual: an array like the result.
    """

    weights: Array  # (*window, channels in / groups, channels out); of a dense one (1, numbers in, numbers out)
    bias: Array | None  # (channels out,)
    strides: tuple[int, ...]
    pads: Pads
    dilation: tuple[int, ...]
    groups: int = 1
    activation: Activation = "linear"
    negative_slope: float = 0.0
    dense: bool = False  # a matrix product over the last axis: all others, the batch's too, are one line of pixels


class ScaledConv(NamedTuple):
    """The convolution of images times a number for each channel, as squeeze-and-excitation makes them.

    The numbers go into the weights, so that images are read once. Its inputs are the images, the numbers (..., channels
    in), and the convolution's residual if it has one.
    """

    conv: Conv


class ConvTranspose(NamedTuple):
    """activation(transposed convolution + bias): the data gradient of a convolution from the results to the images."""

    weights: Array  # (*window, channels out / groups, channels in)
    bias: Array | None  # (channels out,)
    strides: tuple[int, ...]
    pads: Pads  # that convolution's: what is cut off
    dilation: tuple[int, ...]
    size: tuple[int, ...]  # of the results: several are possible
    groups: int = 1
    activation: Activation = "linear"
    negative_slope: float = 0.0


class Pool(NamedTuple):
    """The largest number or the mean of each window; what is padded doesn't count."""

    kind: Literal["max", "average"]
    window: tuple[int, ...]
    strides: tuple[int, ...]
    pads: Pads


class Unary(NamedTuple):
    """A function of each number by itself, one of `elementwise.UNARY`, and its settings."""

    function: str
    numbers: tuple[float, ...] = ()


class Binary(NamedTuple):
    """A function of two arrays, one of `elementwise.BINARY`, broadcast as in NumPy; either may be a constant."""

    function: str


def convolutions(kind: Any) -> tuple[Conv | ConvTranspose, ...]:
    """The convolutions that a node of this kind computes."""
    if isinstance(kind, RowBlocks):
        return kind.convs
    if isinstance(kind, ScaledConv):
        return (kind.conv,)
    return (kind,) if isinstance(kind, (Conv, ConvTranspose)) else ()


# What the second number of a link's operation is taken from: see _core.Chain.
Operand = Literal["none", "number", "tensor", "channels", "image_channels", "pixels"]


class Link(NamedTuple):
    """One operation of a chain, by its name in src/cpp/element_op.h, with its numbers."""

    op: str
    operand: Operand = "none"
    alpha: float = 0.0
    beta: float = 0.0
    vector: Array | None = None  # of "channels"


class Chain(NamedTuple):
    """Operations on each number, one after the other, in one pass over memory.

    Its inputs are what the first link changes, and the arrays that links read ("tensor", "image_channels", "pixels"),
    in their order.
    """

    links: tuple[Link, ...]


class RowBlocks(NamedTuple):
    """Convolutions that follow one another, a block of rows through all of them before the next block.

    The results of each go through the links of a chain, which read no arrays; there may be none. Its inputs are the
    images and, if the last convolution has one, the residual.
    """

    convs: tuple[Conv, ...]
    links: tuple[tuple[Link, ...], ...]
    blocks: int


class Concat(NamedTuple):
    """Its inputs one behind the other along an axis."""

    axis: int


class Slice(NamedTuple):
    """The elements from begin up to end of each axis."""

    begin: tuple[int, ...]
    end: tuple[int, ...]


class Pad(NamedTuple):
    """A border of a number round its input."""

    pads: Pads
    value: float = 0.0


class Transpose(NamedTuple):
    """The axes in another order."""

    axes: tuple[int, ...]


class Reshape(NamedTuple):
    """The same numbers in another shape: no work."""


class Softmax(NamedTuple):
    """The softmax of the last axis."""


class Resize(NamedTuple):
    """Images of another size, axis by axis."""

    # For each axis but the channels the elements that each result sees and their weights, both (results, taps).
    taps: tuple[tuple[Array, Array], ...]


class LayerNorm(NamedTuple):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, over the last axis."""

    gamma: Array | None
    beta: Array | None
    epsilon: float


class Call(NamedTuple):
    """A Python function of arrays with their batch axes, a list of them -> a list: what has no kind of its own."""

    function: Callable[[list[Any]], list[Any]]


Kind = (
    Conv
    | ScaledConv
    | ConvTranspose
    | RowBlocks
    | Pool
    | Unary
    | Binary
    | Chain
    | Concat
    | Slice
    | Pad
    | Transpose
    | Reshape
    | Softmax
    | Resize
    | LayerNorm
    | Call
)
