"""Reverse-mode differentiation on a tape. Not symbolic: operations are noted as they run on arrays.

An operation of `pyconv.ops` computes its result with NumPy or the C++ core, then calls `record` with
one function per input that turns the gradient of the result into the gradient of that input. A `Tape`
keeps those notes only for arrays that depend on what it watches and plays them backwards, so a gradient
nobody asks for (that of the images, say) is never computed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Link = tuple[Array, Callable[[Array], Array]]


class _Local(threading.local):
    tape: Tape | None = None  # that which records in this thread


_local = _Local()


class _Note(NamedTuple):
    output: Array  # kept alive by the note, so that its id stays unique while the tape lives
    links: tuple[Link, ...]


def recording() -> bool:
    """Whether a tape records in this thread: an operation that asks need not prepare its links otherwise."""
    return _local.tape is not None


def record(output: Array, *links: Link) -> None:
    """Notes that `output` was computed from arrays: each link is (input, function: d output -> d input).

    `output` must be a new array object (a view is fine), never an input itself: arrays are told apart by
    identity.
    """
    if _local.tape is not None:
        _local.tape._record(output, links)


class Tape:
    """Records the operations run inside a `with` block and differentiates through them.

    Args:
        watch: the arrays whose gradients will be asked for, as a rule the weights' values.

    Example:
    >>> import numpy as np
    >>> from pyconv import ops
    >>> from pyconv.gradient import Tape
    >>> x = np.array([-1.0, 2.0])
    >>> with Tape([x]) as tape:
    ...     y = ops.relu(x)
    >>> tape.gradient(y, np.array([10.0, 10.0]))
    [array([ 0., 10.])]
    """

    def __init__(self, watch: Iterable[Array]) -> None:
        self._watched = list(watch)
        self._tracked = {id(array) for array in self._watched}
        self._notes: list[_Note] = []

    def __enter__(self) -> Tape:
        self._outer = _local.tape
        _local.tape = self
        return self

    def __exit__(self, *exception: object) -> None:
        _local.tape = self._outer

    def _record(self, output: Array, links: tuple[Link, ...]) -> None:
        needed = tuple(link for link in links if id(link[0]) in self._tracked)
        if needed:
            self._tracked.add(id(output))
            self._notes.append(_Note(output, needed))

    def gradient(self, target: Array, seed: Array | None = None) -> list[Array]:
        """The gradients of sum(target * seed) for every watched array; seed is all ones by default.

        Each note is dropped as soon as it has been used, and the activations it holds with it: a tape
        gives its gradients once.

        Raises:
            ValueError: if target doesn't depend on a watched array through operations of `pyconv.ops`, or the
                tape has been played before.
        """
        if self._watched and id(target) not in self._tracked:
            raise ValueError(
                "Tape.gradient: target must be the result of pyconv.ops on watched arrays, recorded inside the with "
                "block (plain NumPy expressions aren't), and a tape gives gradients once."
            )
        self._tracked.clear()
        gradients = {id(target): np.ones_like(target) if seed is None else seed}
        while self._notes:
            note = self._notes.pop()
            upstream = gradients.pop(id(note.output), None)
            if upstream is None:
                continue
            for array, pull_back in note.links:
                gradient = pull_back(upstream)
                known = gradients.get(id(array))
                gradients[id(array)] = gradient if known is None else known + gradient
        return [gradients[id(a)] if id(a) in gradients else np.zeros_like(a) for a in self._watched]
