"""What a peer must be able to do, and how to tell it the same problem in other words. Times nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from problems import Problem
from training_networks import Step

Array = NDArray[Any]


class UnsupportedError(Exception):
    """Why a library can't compute a problem; anything else that it raises counts as such a reason too."""


class Peer(ABC):
    """A library set to a number of threads, that runs convolutions with a bias in float32, forward, and poolings.

    What is timed is one call of the prepared function. It gets its images in the layout the library likes best, and
    whatever a library does once a model (packing weights, choosing algorithms, making room) is done in `prepare`.
    """

    version: str

    @abstractmethod
    def __init__(self, threads: int) -> None:
        """Limits the library to so many threads."""

    @abstractmethod
    def prepare(self, problem: Problem, x: Array, kernel: Array, bias: Array) -> Callable[[], Any]:
        """A function that runs the convolution once, with everything done beforehand that is done once a model.

        x is (N, *spatial, C) and kernel (*window, C / groups, F); the function may return any form of the result.
        """

    def prepare_pool(self, problem: Problem, kind: str, x: Array) -> Callable[[], Any]:
        """The same for a pooling, kind "max" or "average"; what is padded is neither the largest nor counted."""
        raise UnsupportedError("its poolings aren't compared")

    def prepare_gradient(self, problem: Problem, kind: str, x: Array, kernel: Array, dy: Array) -> Callable[[], Any]:
        """The same for a gradient of the convolution, from dy, that of its result: kind "data" for that of x, "weights"
        for those of kernel and bias, of which the function returns the first.
        """
        raise UnsupportedError("its gradients aren't compared")

    def prepare_step(self, step: Step, dtype: str) -> Callable[[], Any]:
        """A function that takes a training step of a network and returns the loss before it; one step has been
        taken. dtype is float64 for pyconv alone, which then tells what is right.
        """
        raise UnsupportedError("its training isn't compared")

    def prepare_network(self, folder: Path, x: Array) -> Callable[[], Any]:
        """A function that runs a whole network, whose files (see inference_networks.py) are in a folder. What the
        library converts model.onnx to may stay there, for the next time.
        """
        raise UnsupportedError("its whole networks aren't compared")

    @abstractmethod
    def as_array(self, result: Any) -> Array:
        """What the function returned, as (N, *spatial, F), or like a kernel. Not timed."""


def channels_first(x: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def channels_last(y: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(y, 1, -1))


def turned(images: Array) -> Array:
    """Images, channels last, turned round in both axes; of anything else what it is."""
    return np.ascontiguousarray(images[:, ::-1, ::-1]) if images.ndim == 4 else images


def filters_first(kernel: Array) -> Array:
    """(*window, C, F) -> (F, C, *window)."""
    return np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))


def symmetric_pads(problem: Problem) -> list[int] | None:
    """One pad an axis that gives the same result where there is one; None where there isn't.

    A smaller pad at the end may be rounded up as long as no further window fits.
    """
    fits = [
        after <= before and (n + 2 * before - (k - 1) * d - 1) // s + 1 == o
        for n, o, k, s, d, (before, after) in _axes(problem)
    ]
    return [before for before, _ in problem.pads] if all(fits) else None


def same_or_valid(problem: Problem) -> tuple[str, list[int]]:
    """TensorFlow's padding for a problem, and the axes of the images to turn round for it.

    SAME puts the odd pad of a stride at the end where most others have it at the beginning. As the windows then cover
    the padded image exactly, the mirrored problem (images and kernel turned round) is the same work with the pads
    exchanged. An explicit Pad instead would copy the images, which no other peer is asked to do.
    """
    if all(pads == (0, 0) for pads in problem.pads):
        return "VALID", []
    mirrored = []
    for axis, (n, o, k, s, d, pads) in enumerate(_axes(problem)):
        total = max((o - 1) * s + (k - 1) * d + 1 - n, 0)
        same = (total // 2, total - total // 2)
        if o != -(-n // s) or pads not in (same, same[::-1]):
            raise UnsupportedError("its padding is neither SAME nor VALID")
        if pads != same:
            mirrored.append(axis + 1)
    return "SAME", mirrored


def _axes(problem: Problem) -> list[tuple[int, int, int, int, int, tuple[int, int]]]:
    return list(
        zip(
            problem.input_size,
            problem.output_size,
            problem.kernel_size,
            problem.strides,
            problem.dilation,
            problem.pads,
            strict=True,
        )
    )
