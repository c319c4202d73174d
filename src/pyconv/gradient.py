"""Reverse-mode differentiation on a tape. Not symbolic: operations are noted as they run on arrays.

An operation of `pyconv.ops` computes its result with NumPy or the C++ core, then calls `record` with
one function per input that turns the gradient of the result into the gradient of that input. A `Tape`
keeps those notes only for arrays that depend on what it watches and plays them backwards, so a gradient
nobody asks for (that of the images, say) is never computed.

The notes hold functions and numbers, no arrays: a result stays in memory only where one of the functions needs it.
Loops of one's own are better served by `pyconv.GradientTape`, see differentiation.py.
"""

from __future__ import annotations

import functools
import itertools
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyconv.addition import total

if TYPE_CHECKING:
    from typing_extensions import Self

Array = NDArray[Any]
Link = tuple[Array, Callable[[Array], Array]]


class _Local(threading.local):
    tape: Tape | None = None  # that which records in this thread


_local = _Local()


class PullBack:
    """From the gradient of a result to that of an argument, where a mere function isn't enough.

    What it holds are its attributes.
    """

    def __call__(self, dy: Array) -> Array:
        raise NotImplementedError

    def after(self, before: Callable[[Array], Array]) -> Callable[[Array], Array] | None:
        """One function for the way through the operation before it too; None if there is no shorter one.

        Asked where nothing else needs the gradient between the two.
        """
        return None


class _Note(NamedTuple):
    output: int
    links: tuple[tuple[int, Callable[[Array], Array]], ...]


class _Numbers:
    """A number for each array as long as it lives; its id alone may come back with another array."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, weakref.ref[Array]]] = {}
        self._next = itertools.count()

    def get(self, array: Array) -> int | None:
        found = self._known.get(id(array))
        return None if found is None else found[0]

    def give(self, array: Array) -> int:
        # The function holds the dictionary alone: no cycle keeps what a tape that is never played has noted. And it is
        # none of Python's own, for an interrupt that came while that ran would be lost.
        known, key, number = self._known, id(array), next(self._next)
        known[key] = number, weakref.ref(array, functools.partial(known.pop, key))
        return number

    def clear(self) -> None:
        self._known.clear()


def recording() -> bool:
    """Whether a tape records in this thread: an operation that asks need not prepare its links otherwise."""
    return _local.tape is not None


def record(output: Array, *links: Link) -> None:
    """Notes that `output` was computed from arrays: each link is (input, function: d output -> d input).

    `output` must be a new array object (a view is fine), never an input itself: arrays are told apart by
    identity. What the functions hold stays in memory until the tape is played: they should hold shapes, not arrays,
    where shapes will do.

    A function may be a `PullBack`.
    """
    tape = _local.tape
    while tape is not None:  # one inside another's block, as that of a second network's loss, takes nothing from it
        tape._record(output, links)
        tape = tape._outer


class Tape:
    """Records the operations run inside a `with` block and differentiates through them.

    Args:
        watch: the arrays whose gradients will be asked for, as a rule the weights' values. None notes all that
            happens, so that what is asked for may be said afterwards; it keeps more in memory.

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

    _outer: Tape | None = None

    def __init__(self, watch: Iterable[Array] | None) -> None:
        self._watches_all = watch is None
        self._watched: list[Array] = []
        self._numbers = _Numbers()
        self._notes: list[_Note] = []
        for array in watch or ():
            self.watch(array)

    def watch(self, array: Array) -> None:
        """Adds an array to those whose gradients will be asked for; to be called before it is used."""
        self._watched.append(array)
        if self._numbers.get(array) is None:
            self._numbers.give(array)

    def __enter__(self) -> Self:
        self._outer = _local.tape
        _local.tape = self
        return self

    def __exit__(self, *exception: object) -> None:
        _local.tape, self._outer = self._outer, None

    def _record(self, output: Array, links: tuple[Link, ...]) -> None:
        numbers = self._numbers
        needed = []
        for array, pull_back in links:
            number = numbers.get(array)
            if number is None and self._watches_all:
                number = numbers.give(array)
            if number is not None:
                needed.append((number, pull_back))
        if needed:
            self._notes.append(_Note(numbers.give(output), tuple(needed)))

    def gradient(
        self, target: Array, seed: Array | None = None, *, sources: Sequence[Array] | None = None
    ) -> list[Array]:
        """The gradients of sum(target * seed) for the watched arrays; seed is all ones by default.

        Each note is dropped as soon as it has been used, and the activations it holds with it: a tape
        gives its gradients once.

        Args:
            target: a result of operations inside the `with` block.
            seed: a factor for each of its numbers, in any dtype.
            sources: the arrays whose gradients are wanted; by default all that were named to `watch`.

        Returns:
            A gradient for each source, zeros for one that target doesn't depend on.

        Raises:
            ValueError: if target depends on none of them through operations of `pyconv.ops`, the tape has been
                played before, another one records, or seed isn't of the target's shape.
        """
        wanted = self._watched if sources is None else sources
        factors = None if seed is None else np.asarray(seed, target.dtype)
        if factors is not None and factors.shape != target.shape:
            raise ValueError(
                f"Tape.gradient: seed must have the shape of target, {target.shape}. Received: {factors.shape}."
            )
        found = self.play(target, factors, wanted)
        return [np.zeros_like(array) if part is None else part for array, part in zip(wanted, found, strict=True)]

    def play(self, target: Array, seed: Array | None, sources: Sequence[Array]) -> list[Array | None]:
        """As `gradient`, with None for what target doesn't depend on."""
        if _local.tape not in (None, self):
            raise ValueError("Tape.gradient: gradients of gradients aren't supported, another tape records.")
        wanted = [self._numbers.get(source) for source in sources]
        notes, reached = _leading_to(self._notes, {number for number in wanted if number is not None})
        end = self._numbers.get(target)
        self._notes = []
        self._numbers.clear()
        if wanted and end not in reached:
            raise ValueError(
                "Tape.gradient: target must be the result of pyconv.ops on watched arrays, recorded inside the with "
                "block (plain NumPy expressions aren't), and a tape gives gradients once."
            )
        outer, _local.tape = _local.tape, None  # what the gradients use of pyconv.ops is of no interest
        try:
            gradients = _played_back(
                _joined(notes, {end, *wanted}), {end: np.ones_like(target) if seed is None else seed}, set(wanted)
            )
        finally:
            _local.tape = outer
        found = (None if number is None else gradients.get(number) for number in wanted)
        return [None if part is None else np.asarray(part) for part in found]  # NumPy's operators make scalars


def _leading_to(notes: list[_Note], sources: set[int]) -> tuple[list[_Note], set[int]]:
    """The notes through which something depends on the sources, and the numbers of all that does."""
    reached = set(sources)
    kept = []
    for output, links in notes:
        needed = tuple(link for link in links if link[0] in reached)
        if needed:
            reached.add(output)
            kept.append(_Note(output, needed))
    return kept, reached


def _joined(notes: list[_Note], wanted: set[int | None]) -> list[_Note]:
    """The notes, with one for two where a function knows a way through both and nothing else asks for what is between.

    notes is emptied: what is held only by it goes as soon as it has been used.
    """
    reads = Counter(number for note in notes for number, _ in note.links)
    made = {note.output: note for note in notes}
    for output, links in notes:
        (number, pull_back), *others = links
        before = made.get(number)
        if others or before is None or len(before.links) > 1 or reads[number] > 1 or number in wanted:
            continue
        source, function = before.links[0]
        if isinstance(pull_back, PullBack) and (joint := pull_back.after(function)) is not None:
            made[output] = _Note(output, ((source, joint),))
            del made[number]
    notes.clear()
    return list(made.values())


def _played_back(
    notes: list[_Note], gradients: dict[int | None, Array], wanted: set[int | None]
) -> dict[int | None, Array]:
    """Takes the notes from the end and carries gradients of results on to what they were made of."""
    sums: set[int] = set()  # whose gradient is an array made here, which nobody else holds
    while notes:
        note = notes.pop()
        upstream = gradients.get(note.output) if note.output in wanted else gradients.pop(note.output, None)
        if upstream is None:
            continue
        for number, pull_back in note.links:
            gradient = pull_back(upstream)
            known = gradients.get(number)
            if known is None:
                gradients[number] = gradient
            elif number in sums:
                total(known, gradient, out=known)
            else:
                gradients[number] = total(known, gradient)
                sums.add(number)
    return gradients
