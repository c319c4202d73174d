"""One spatial axis of a model: sizes, shifts, and which results a part of the input determines."""

from __future__ import annotations

import bisect
import math
from fractions import Fraction
from typing import Any, NamedTuple

from pyconv.tiling.reach import Reach
from pyconv.tiling.steps import Chain, chain_of


class View:
    """What a model makes of n elements along one axis.

    Args:
        op: who asks, for errors.
        chain: the model.
        axis: which of its spatial axes.
        n: the input's elements along it.

    Raises:
        ValueError: if a layer can't take as few, or adds what isn't equally large.
    """

    def __init__(self, op: str, chain: Chain, axis: int, n: int) -> None:
        self.chain = chain
        self.sizes: dict[int, int] = {0: n}
        self.scales: dict[int, Fraction] = {0: Fraction(1)}
        self.reaches: list[Reach] = []
        for step in chain.steps:
            sizes = {self.sizes[number] for number in step.inputs}
            scales = {self.scales[number] for number in step.inputs}
            if len(sizes) > 1 or len(scales) > 1:
                raise ValueError(
                    f"{op}: layer {step.name!r} gets images of different sizes, {sorted(sizes)} along spatial axis "
                    f"{axis} for an input of {n}."
                )
            reach, self.sizes[step.output] = step.rule(axis, sizes.pop())
            self.scales[step.output] = scales.pop() * reach.scale
            self.reaches.append(reach)
        self.size, self.scale = self.sizes[chain.output], self.scales[chain.output]

    def period(self) -> int:
        """The smallest shift of the input that moves every tensor by whole elements: what all strides make of it."""
        return math.lcm(*(scale.denominator for scale in self.scales.values()))

    def is_like(self, other: View) -> bool:
        """Whether this one's axis is the other's, shorter by whole periods: a part of it behaves as the whole does."""
        less = other.sizes[0] - self.sizes[0]
        return self.reaches == other.reaches and all(
            other.sizes[number] - size == less * self.scales[number] for number, size in self.sizes.items()
        )

    def reads(self, low: int, high: int, begins: bool, ends: bool) -> tuple[int, int] | None:
        """Which elements of the input results low .. high read.

        Args:
            low: the first result.
            high: the last one.
            begins: whether the axis begins here; where it does, zeros stand before it, elsewhere other elements.
            ends: whether it ends here.

        Returns:
            The first and the last, the last below the first where they read none, or None if they read elements
            beyond those that are here, in any layer.
        """
        wanted = {self.chain.output: (low, high)}
        for step, reach in zip(reversed(self.chain.steps), reversed(self.reaches), strict=True):
            if step.output not in wanted:
                continue
            first, last = reach.of(*wanted[step.output])
            end = self.sizes[step.inputs[0]] - 1 if step.inputs else 0
            if (first < 0 and not begins) or (last > end and not ends):
                return None
            first, last = max(first, 0), min(last, end)
            if first > last:
                continue  # nothing but padding
            for number in step.inputs:
                known = wanted.get(number, (first, last))
                wanted[number] = min(known[0], first), max(known[1], last)
        return wanted.get(0, (0, -1))

    def known(self, begins: bool, ends: bool) -> tuple[int, int]:
        """The results [low, high) that these elements determine, where the axis begins or ends here or goes on."""
        # All from a place on, and all up to one: a result alone may read nothing and so be known wherever it lies.
        places, last = range(self.size), self.size - 1
        low = bisect.bisect_left(places, True, key=lambda o: self.reads(o, last, begins, True) is not None)
        high = bisect.bisect_left(places, True, key=lambda o: self.reads(0, o, True, ends) is None)
        return low, high


class ReceptiveField(NamedTuple):
    """Along one axis, result o depends on the elements o * stride + offset .. o * stride + offset + size - 1 at most.

    Attributes:
        size: how many elements.
        stride: how many elements of the input lie between two results; a fraction where there are more results.
        offset: where the first result's elements begin, negative where it sees padding.
    """

    size: int
    stride: Fraction
    offset: Fraction


def receptive_field(model: Any) -> tuple[ReceptiveField, ...]:
    """Which part of an image a result of a fully convolutional model depends on, for each spatial axis.

    A closed form of the layers' windows, strides, dilation and padding; of several ways through the graph the widest
    counts. With "same" and strides it is that of an image whose sizes all strides divide.

    Args:
        model: a functional or built Sequential model with one input and one output.

    Raises:
        ValueError: if a layer's results depend on the whole image.

    Example:
    >>> import pyconv
    >>> from pyconv import layers
    >>> model = pyconv.Sequential([pyconv.Input((None, None, 1)), layers.Conv2D(4, 3), layers.MaxPooling2D(2)])
    >>> field = pyconv.receptive_field(model)[0]
    >>> field.size, int(field.stride), int(field.offset)
    (4, 2, 0)
    """
    chain = chain_of("receptive_field", model)
    return tuple(_field(chain, axis) for axis in range(chain.rank))


def _field(chain: Chain, axis: int) -> ReceptiveField:
    view = _inner_view(chain, axis)
    low, high = view.known(begins=False, ends=False)
    fields = []
    for o in range(low, min(high, low + int(view.period() * view.scale))):
        read = view.reads(o, o, begins=False, ends=False)
        assert read is not None
        if read[0] <= read[1]:
            fields.append((read[0] - o / view.scale, read[1] - o / view.scale))
    offset = min(first for first, _ in fields)
    return ReceptiveField(math.ceil(max(last for _, last in fields) - offset) + 1, 1 / view.scale, offset)


def _inner_view(chain: Chain, axis: int) -> View:
    """A view so long that a whole period of its results lies away from both ends."""
    n = 64
    while True:
        try:
            view = View("receptive_field", chain, axis, n)
        except ValueError:
            if n > 2**20:
                raise
        else:
            period = view.period()
            if n % period:
                n += period - n % period
                continue
            low, high = view.known(begins=False, ends=False)
            if high - low >= period * view.scale:
                return view
        n *= 2
