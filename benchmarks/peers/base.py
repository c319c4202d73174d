"""What a peer must be able to do. Times nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from problems import Problem

Array = NDArray[Any]


class Peer(ABC):
    """A library set to a number of threads, that runs convolutions with a bias in float32, forward."""

    version: str

    @abstractmethod
    def __init__(self, threads: int) -> None:
        """Limits the library to so many threads."""

    @abstractmethod
    def prepare(self, problem: Problem, x: Array, kernel: Array, bias: Array) -> Callable[[], Any]:
        """A function that runs the convolution once, with everything done beforehand that is done once a model.

        x is (N, *spatial, C) and kernel (*window, C / groups, F); the function may return any form of the result.
        """

    @abstractmethod
    def as_array(self, result: Any) -> Array:
        """What the function returned, as (N, *spatial, F)."""


def symmetric_pads(problem: Problem) -> list[int] | None:
    """One pad an axis that gives the same result where there is one; None where there isn't.

    A smaller pad at the end may be rounded up as long as no further window fits.
    """
    axes = zip(
        problem.input_size,
        problem.output_size,
        problem.kernel_size,
        problem.strides,
        problem.dilation,
        problem.pads,
        strict=True,
    )
    fits = [
        after <= before and (n + 2 * before - (k - 1) * d - 1) // s + 1 == o for n, o, k, s, d, (before, after) in axes
    ]
    return [before for before, _ in problem.pads] if all(fits) else None
