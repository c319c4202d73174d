"""A graph as a list of steps over numbered places, run one after another. Knows no operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

# What an operator's function raises for inputs that don't fit it; a fault of the file or the caller, not of pyconv.
_FAULTS = (ValueError, TypeError, IndexError, KeyError, ArithmeticError, MemoryError, AttributeError)


class StepError(ValueError):
    """A step couldn't do what it should with what it was given; says which, and for what."""


# A step's label, its function, and the names of its arguments and results, "" for none.
Call = tuple[str, Callable[..., Any], Sequence[str], Sequence[str]]


class Step(NamedTuple):
    """One call of a function: where its arguments come from, -1 for None, and where its results go, -1 for nowhere."""

    label: str
    function: Callable[..., Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    unused: tuple[int, ...]  # places that no later step reads


class Program:
    """Steps in the order in which they run.

    Args:
        inputs: the names of the arguments.
        outputs: the names of the results.
        constants: values known beforehand, by name.
        calls: the steps.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        outputs: Sequence[str],
        constants: dict[str, Any],
        calls: Sequence[Call],
    ) -> None:
        read = {name for _, _, needs, _ in calls for name in needs} | set(outputs)
        places = {name: place for place, name in enumerate(inputs)}
        self._given = len(places)
        self._start: list[Any] = [None] * len(places)
        for name in read & set(constants) - set(places):
            places[name] = len(self._start)
            self._start.append(constants[name])
        kept = {*(places[name] for name in constants if name in places)}
        for _, _, _, results in calls:
            for name in results:
                if name and name not in places:
                    places[name] = len(self._start)
                    self._start.append(None)
        self._outputs = [places[name] for name in outputs]
        kept.update(self._outputs)
        last = {places[name]: step for step, call in enumerate(calls) for name in (*call[3], *call[2]) if name}
        unused: dict[int, list[int]] = {}
        for place, step in last.items():
            if place not in kept:
                unused.setdefault(step, []).append(place)
        self._names = {place: name for name, place in places.items()}
        places[""] = -1

        def numbers(names: Sequence[str]) -> tuple[int, ...]:
            return tuple(places[name] for name in names)

        self.steps = [
            Step(label, function, numbers(needs), numbers(results), tuple(unused.get(i, ())))
            for i, (label, function, needs, results) in enumerate(calls)
        ]

    def run(self, arguments: Sequence[Any], seen: Callable[[str, Any], object] | None = None) -> list[Any]:
        """The results for arguments in the order of the inputs.

        Args:
            arguments: the arguments.
            seen: is called with the name and value of every step's results.

        Raises:
            ValueError: if a step can't do what it should with what it is given.
        """
        values = self._start.copy()
        values[: self._given] = arguments
        values.append(None)  # place -1
        for step in self.steps:
            try:
                results = step.function(*[values[place] for place in step.inputs])
            except StepError:
                raise  # of a step within this one, which has been named
            except _FAULTS as fault:
                shapes = ", ".join(_describe(values[place]) for place in step.inputs)
                reason = str(fault) or type(fault).__name__
                raise StepError(f"onnx: {step.label}: {reason} Inputs: {shapes}.") from fault
            if type(results) is not tuple:
                results = (results,)
            for place, result in zip(step.outputs, results, strict=False):
                values[place] = result if isinstance(result, np.ndarray | list) else np.asarray(result)
                if seen is not None and place >= 0:
                    seen(self._names[place], values[place])
            values[-1] = None
            for place in step.unused:
                values[place] = None
        return [values[place] for place in self._outputs]


def _describe(value: Any) -> str:
    return "none" if value is None else f"{getattr(value, 'dtype', type(value).__name__)} {getattr(value, 'shape', '')}"
