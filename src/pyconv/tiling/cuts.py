"""Where an axis is cut into tiles: all of one length, so that one plan serves them, and each begins at a period."""

from __future__ import annotations

from typing import NamedTuple

from pyconv.tiling.steps import Chain
from pyconv.tiling.view import View


class Cut(NamedTuple):
    """One tile along an axis: the input from `start`, and the results that it gives."""

    start: int
    first: int  # of the results
    end: int
    skipped: int  # results at the tile's beginning that are another tile's


class Cuts(NamedTuple):
    """All tiles along an axis."""

    length: int  # of each tile's input
    results: int
    cuts: list[Cut]


def cuts_of(op: str, chain: Chain, axis: int, n: int, tile: int) -> Cuts:
    """Tiles of at most `tile` elements that cover an axis of n.

    Raises:
        ValueError: if such tiles are too small for what the results read.
    """
    whole = View(op, chain, axis, n)
    if tile >= n:
        return Cuts(n, whole.size, [Cut(0, 0, whole.size, 0)])
    period = whole.period()
    length = tile - (tile - n) % period
    cuts = _cover(op, chain, axis, whole, length, period) if length > 0 else None
    if cuts is not None:
        return Cuts(length, whole.size, cuts)
    low, high = whole.known(begins=False, ends=False)
    margins = n if high <= low else n - (high - low) / whole.scale
    raise ValueError(
        f"{op}: tile must be larger than what the results read beyond it: along spatial axis {axis} about "
        f"{int(margins) + 2 * period} elements. Received: tile={tile}, an axis of {n}."
    )


def _cover(op: str, chain: Chain, axis: int, whole: View, length: int, period: int) -> list[Cut] | None:
    """Tiles of one length, from beginning to end; None where it is too short."""
    n = whole.sizes[0]
    try:
        part = View(op, chain, axis, length)
    except ValueError:
        return None
    if not part.is_like(whole):
        return None
    inner_low, inner_high = part.known(begins=False, ends=False)
    _, done = part.known(begins=True, ends=False)
    cuts, start = [Cut(0, 0, done, 0)], 0
    while done < whole.size:
        # The last start from which nothing is missing before `done`.
        most = int((done - inner_low) / whole.scale) // period * period
        following = min(most, n - length)
        if following <= start:
            return None
        shift = int(following * whole.scale)
        last = following == n - length
        end = whole.size if last else shift + inner_high
        if end <= done or (last and shift + part.known(begins=False, ends=True)[0] > done):
            return None
        cuts.append(Cut(following, done, end, done - shift))
        start, done = following, end
    return cuts
