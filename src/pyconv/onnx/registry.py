"""The operators that pyconv has, by domain, name and version. What they compute is in `operators`.

An operator is a function of arrays. Its positional parameters are the ONNX operator's inputs (None for one left out),
its keyword-only parameters the attributes, under ONNX' names and with ONNX' defaults. Of those of one name the latest
that isn't newer than the file's operator set is taken.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from pyconv.onnx.errors import InvalidModelError

Function = TypeVar("Function", bound=Callable[..., Any])
Keep = Mapping[int, Callable[..., Any]]

# Types of attributes by the annotations of parameters; what isn't here may be anything.
_KINDS: dict[str, type] = {"int": int, "float": float, "str": str, "Array": np.ndarray}
_KINDS |= {"Sizes": tuple, "tuple[float, ...]": tuple, "tuple[str, ...]": tuple}

# Parameters that aren't attributes of ONNX: the number of the node's results, and what fusing.py adds.
_OURS = {"outputs", "activation"}
_ANY_NUMBER = 2**31

_operators: dict[tuple[str, str], list[Operator]] = {}


class Operator:
    """One function with what loading needs to know of it.

    Args:
        function: the function.
        since: the first version of the operator set in which the operator means this.
        layout: how it deals with images whose channels come last: the name of a rule of layout.py.
        keep: for inputs that are constants, by their place: a function (array, attributes) that brings them into the
            form in which the operator wants them at every call.
    """

    def __init__(self, function: Callable[..., Any], since: int, layout: str, keep: Keep) -> None:
        self.function, self.since, self.layout, self.keep = function, since, layout, keep
        parameters = inspect.signature(function).parameters.values()
        self._settings = {each.name: each for each in parameters if each.kind is each.KEYWORD_ONLY}
        places = [each for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
        self._least, self._most = 0, len(places)
        if any(each.kind is each.VAR_POSITIONAL for each in parameters):
            self._least, self._most = int(not places), _ANY_NUMBER
        # An input that may be left out has a default, or is said to be None at times.
        self._required = [
            i for i, each in enumerate(places) if each.default is each.empty and "None" not in str(each.annotation)
        ]

    def check(self, label: str, inputs: list[str], attributes: dict[str, Any]) -> None:
        """Raises InvalidModelError if a file's node has other inputs or attributes than the operator."""
        fits = self._least <= len(inputs) <= self._most and (not self._least or all(inputs))
        if not fits or not all("".join(inputs[place : place + 1]) for place in self._required):
            raise InvalidModelError(f"onnx.load: {label} has too many inputs, or lacks one that it needs: {inputs}.")
        own = {name: each for name, each in self._settings.items() if name not in _OURS}
        if unknown := sorted(set(attributes) - set(own)):
            raise InvalidModelError(f"onnx.load: {label} must not have the attributes {', '.join(unknown)}.")
        for name, each in own.items():
            if name not in attributes:
                if each.default is each.empty:
                    raise InvalidModelError(f"onnx.load: {label} must have the attribute {name}.")
            elif not _is_of_kind(attributes[name], str(each.annotation)):
                kind = type(attributes[name]).__name__
                raise InvalidModelError(f"onnx.load: {label}: the attribute {name} must not be of the kind {kind}.")

    def bind(self, attributes: dict[str, Any], outputs: int) -> Callable[..., Any]:
        """The function with a node's attributes, and the number of the node's results if it wants to know."""
        if "outputs" in self._settings:
            attributes = attributes | {"outputs": outputs}
        return functools.partial(self.function, **attributes) if attributes else self.function


def operator(
    *names: str, since: int = 1, layout: str = "as_is", keep: Keep | None = None, domain: str = ""
) -> Callable[[Function], Function]:
    """Registers a function as an operator; the arguments are those of `Operator`."""

    def register(function: Function) -> Function:
        for name in names:
            _operators.setdefault((domain, name), []).append(Operator(function, since, layout, keep or {}))
        return function

    return register


def _is_of_kind(value: Any, annotation: str) -> bool:
    """Whether an attribute's value is what a parameter is annotated with."""
    kind = _KINDS.get(annotation.removesuffix(" | None"))
    if kind is tuple and isinstance(value, tuple):
        numbers = float if "float" in annotation else str if "str" in annotation else int
        return all(isinstance(item, numbers) for item in value)
    return kind is None or isinstance(value, kind)


def find(domain: str, name: str, version: int) -> Operator | None:
    """The operator as a file with this version of the domain's operator set means it, None if there is none."""
    candidates = [each for each in _operators.get((domain, name), ()) if each.since <= version]
    return max(candidates, key=lambda each: each.since, default=None)


def names() -> set[tuple[str, str]]:
    """The domain and name of every operator."""
    return set(_operators)
