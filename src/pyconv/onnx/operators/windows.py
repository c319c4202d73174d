"""Windows of convolutions and pools: ONNX' attributes as pads, sizes and taps. Registers no operator."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx import memory

Sizes = tuple[int, ...] | None
Pads = tuple[tuple[int, int], ...]
_LARGEST = 2**31 - 1  # as in pyconv.ops.geometry


class Window(NamedTuple):
    """A window that moves over images, with one number or pair for each spatial axis."""

    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    pads: Pads

    @staticmethod
    def pairs(pads: Sizes, rank: int) -> Pads:
        """ONNX' pads, all before and then all after, as one pair an axis."""
        given = (0,) * (2 * rank) if pads is None else pads
        if len(given) != 2 * rank or not all(0 <= pad <= _LARGEST for pad in given):
            raise ValueError(f"pads must be {2 * rank} numbers that aren't negative. Received: {pads}.")
        return tuple(zip(given[:rank], given[rank:], strict=True))

    @property
    def spans(self) -> tuple[int, ...]:
        """How far each axis of the window reaches."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.size, self.dilations, strict=True))

    def output_sizes(self, sizes: Sequence[int], ceil_mode: bool = False) -> tuple[int, ...]:
        """How many places the window has; with ceil_mode also the last one that doesn't fit, unless it lies in pads."""
        places = []
        for n, span, s, (before, after) in zip(sizes, self.spans, self.strides, self.pads, strict=True):
            room = n + before + after - span
            if n < 1 or (room < 0 and not (ceil_mode and room > -s)):
                raise ValueError(f"a window of {span} doesn't fit into {before} + {n} + {after}.")
            count = (-(-room // s) if ceil_mode else room // s) + 1
            places.append(count - (ceil_mode and (count - 1) * s >= n + before))
        return tuple(places)

    def reaching(self, sizes: Sequence[int], output: Sequence[int]) -> Window:
        """The window with pads after the images so that it has exactly these places."""
        pads = tuple(
            (before, max((o - 1) * s + span - before - n, 0))
            for n, o, span, s, (before, _) in zip(sizes, output, self.spans, self.strides, self.pads, strict=True)
        )
        return self._replace(pads=pads)


def steps(name: str, values: Sizes, rank: int, default: int = 1) -> tuple[int, ...]:
    """An attribute with one number an axis."""
    given = (default,) * rank if values is None else tuple(values)
    if len(given) != rank or not all(default <= value <= _LARGEST for value in given):
        raise ValueError(f"{name} must be {rank} numbers of at least {default}. Received: {values}.")
    return given


def resolve(
    size: Sequence[int],
    sizes: Sequence[int],
    *,
    auto_pad: str = "NOTSET",
    dilations: Sizes = None,
    pads: Sizes = None,
    strides: Sizes = None,
) -> Window:
    """The window of a size that ONNX' attributes mean for images of these spatial sizes."""
    rank = len(sizes)
    step, dilation = steps("strides", strides, rank), steps("dilations", dilations, rank)
    window = steps("kernel_shape", tuple(size), rank)
    if auto_pad in ("NOTSET", ""):
        return Window(window, step, dilation, Window.pairs(pads, rank))
    if auto_pad == "VALID":
        return Window(window, step, dilation, ((0, 0),) * rank)
    if auto_pad not in ("SAME_UPPER", "SAME_LOWER"):
        raise ValueError(f"auto_pad must be NOTSET, VALID, SAME_UPPER or SAME_LOWER. Received: {auto_pad!r}.")
    pairs = []
    for n, k, s, d in zip(sizes, window, step, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        pair = (total // 2, total - total // 2)
        pairs.append(pair if auto_pad == "SAME_UPPER" else pair[::-1])
    return Window(window, step, dilation, tuple(pairs))


def taps(x: Array, window: Window, output: Sequence[int], fill: float) -> Iterator[tuple[tuple[int, ...], Array]]:
    """For each element of the window its place and what it meets wherever the window is; channels come last."""
    fitted = window.reaching(x.shape[1:-1], output)
    widths = ((0, 0), *fitted.pads, (0, 0))
    memory.checked([n + before + after for n, (before, after) in zip(x.shape, widths, strict=True)], x.dtype)
    padded = np.pad(x, widths, constant_values=fill)
    for tap in itertools.product(*map(range, window.size)):
        places = tuple(
            slice(t * d, t * d + (o - 1) * s + 1, s)
            for t, d, o, s in zip(tap, window.dilations, output, window.strides, strict=True)
        )
        yield tap, padded[(slice(None), *places)]
