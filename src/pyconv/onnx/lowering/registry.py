"""How operators say what nodes of a program they are: a function for each, found by the operator's name.

An operator needs none: without one it is called between programs. A function has the operator's own parameters, inputs
by position and attributes by keyword, after what collects the nodes. Inputs are values of the program, arrays that are
known beforehand, or None; images come as the operator gets them, with channels last.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx.graph import Node
from pyconv.program.graph import Value
from pyconv.program.lowering.registry import Lowering, NotLoweredError, constant
from pyconv.variable import Variable

Lowers = TypeVar("Lowers", bound=Callable[..., Any])
_LOWERS: dict[tuple[str, int | None], Callable[..., Any]] = {}


class Samples(Lowering):
    """The nodes so far, for batches of a certain size.

    Attributes:
        batch: how many samples the model has been called with.
        fixed: whether something depends on that number, so that the program is for such batches alone.
        node: the node that is being lowered.
    """

    node: Node

    def __init__(self, batch: int) -> None:
        super().__init__()
        self.batch, self.fixed = batch, False

    def whole(self, x: Value) -> tuple[int, ...]:
        """The shape of all samples together."""
        return (self.batch, *x.shape)

    def axis(self, x: Value, axis: int) -> int:
        """An axis of the batch as that of a sample; raises NotLoweredError for the first one."""
        rank = len(x.shape) + 1
        place = axis + rank if axis < 0 else axis
        require(0 < place < rank)
        return place - 1


def lowers(*names: str, since: int | None = None) -> Callable[[Lowers], Lowers]:
    """Registers a function for operators of these names, or for what they mean since one version alone."""

    def register(function: Lowers) -> Lowers:
        _LOWERS.update(dict.fromkeys(((name, since) for name in names), function))
        return function

    return register


def function_for(node: Node) -> Callable[..., Any] | None:
    """What lowers a node, None if nothing does."""
    return _LOWERS.get((node.op, node.operator.since)) or _LOWERS.get((node.op, None))


def registered() -> list[tuple[str, int | None, Callable[..., Any]]]:
    """Names, versions and functions of all operators that are lowered."""
    return [(name, since, function) for (name, since), function in _LOWERS.items()]


def lowered(to: Samples, node: Node, inputs: list[Any]) -> Any:
    """A node's results; raises NotLoweredError where it must be called."""
    function = function_for(node)
    if function is None:
        raise NotLoweredError
    settings = {"outputs": len(node.outputs)} if "outputs" in inspect.signature(function).parameters else {}
    require(bool(settings) or len(node.outputs) == 1)
    to.node, to.label = node, node.label
    return function(to, *inputs, **node.attributes, **settings)


def require(fits: bool) -> None:
    """Raises NotLoweredError unless something is as a program can have it."""
    if not fits:
        raise NotLoweredError


def value(x: Any) -> Value:
    """An input that must be a value of the program."""
    if not isinstance(x, Value):
        raise NotLoweredError
    return x


def numbers(x: Any) -> Array:
    """An input that must be known beforehand, of float32."""
    array = x.value if isinstance(x, Variable) else x
    if not isinstance(array, np.ndarray) or array.dtype != np.float32:
        raise NotLoweredError
    return array


def integers(x: Any) -> list[int]:
    """An input that must be whole numbers known beforehand."""
    if not isinstance(x, np.ndarray) or x.dtype.kind != "i":
        raise NotLoweredError
    return [int(number) for number in x.ravel()]


def operand(x: Any, rank: int) -> Value:
    """An operand of a broadcast operation whose result has so many axes, the batch's among them."""
    if isinstance(x, Value):
        require(len(x.shape) + 1 == rank)
        return x
    array = numbers(x)
    require(array.ndim < rank or (array.ndim == rank and array.shape[0] == 1))
    return constant(array[0] if array.ndim == rank else array)
