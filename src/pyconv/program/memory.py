"""Where a program's values lie: how long each is needed, and offsets in one arena that never collide. No arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

# Of each offset, in bytes: a cache line, and the widest vector's size.
ALIGNMENT = 64


class Span(NamedTuple):
    """Memory that is needed from one step to another, both included."""

    bytes: int
    first: int
    last: int

    def meets(self, other: Span) -> bool:
        """Whether both are needed at some step."""
        return self.first <= other.last and other.first <= self.last


class Layout(NamedTuple):
    """An offset for each span, and the bytes of all."""

    offsets: list[int]
    bytes: int


def arrange(spans: Sequence[Span]) -> Layout:
    """Places the largest span first, each at the lowest offset where it collides with none that is there already.

    The bound below is the largest sum of spans that are needed at one step; placing by size comes near it, as Pisarchyk
    and Lee found for networks (2020, arXiv:2001.03288, "greedy by size").

    Example:
    >>> from pyconv.program.memory import Span, arrange
    >>> arrange([Span(64, 0, 1), Span(128, 1, 2), Span(64, 2, 3)])
    Layout(offsets=[128, 0, 128], bytes=192)
    """
    offsets = [0] * len(spans)
    placed: list[int] = []
    for index in sorted(range(len(spans)), key=lambda i: (-spans[i].bytes, spans[i].first)):
        offset = 0
        for other in sorted((i for i in placed if spans[i].meets(spans[index])), key=offsets.__getitem__):
            if offset + spans[index].bytes <= offsets[other]:
                break
            offset = max(offset, _aligned(offsets[other] + spans[other].bytes))
        offsets[index] = offset
        placed.append(index)
    return Layout(offsets, max((_aligned(o + s.bytes) for o, s in zip(offsets, spans, strict=True)), default=0))


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
