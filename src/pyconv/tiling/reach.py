"""Which elements of an axis a layer's result reads, as four integers. Knows no layers; rules.py does."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple


class Reach(NamedTuple):
    """Element o of the result reads floor((o * step + first) / over) .. floor((o * step + last) / over) of the input.

    A convolution has step = strides and over = 1; what makes an axis longer, over > 1.

    Example:
    >>> from pyconv.tiling.reach import Reach
    >>> Reach(step=2, first=-1, last=1).of(5, 6)  # 3 wide, stride 2, one zero before
    (9, 13)
    """

    step: int = 1
    first: int = 0
    last: int = 0
    over: int = 1

    def of(self, low: int, high: int) -> tuple[int, int]:
        """What results low .. high read together; some of it may lie beyond the ends of the axis."""
        return (low * self.step + self.first) // self.over, (high * self.step + self.last) // self.over

    @property
    def scale(self) -> Fraction:
        """By how many results a shift of the input by one moves the result."""
        return Fraction(self.over, self.step)


ITSELF = Reach()


def of_window(span: int, stride: int, before: int) -> Reach:
    """That of a window of span elements over an axis with `before` zeros in front."""
    return Reach(stride, -before, span - 1 - before)


def of_transposed(span: int, stride: int, cropped: int) -> Reach:
    """That of a transposed convolution: result j gets something from i where 0 <= j + cropped - i * stride < span."""
    return Reach(1, cropped - span + stride, cropped, stride)


def of_interpolation(times: int, radius: int) -> Reach:
    """That of an axis made longer; a result's centre lies at (j + 1/2) / times - 1/2, the radius is that of the kernel.

    It reads floor(centre) + 1 - radius .. floor(centre) + radius, where floor(centre) = floor((2 j + 1 - times) /
    (2 times)).
    """
    return Reach(2, 1 - times + 2 * times * (1 - radius), 1 - times + 2 * times * radius, 2 * times)
