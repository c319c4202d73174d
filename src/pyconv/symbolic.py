"""Symbolic tensors and the steps between them: what `Input` gives and layers note. No data; models/graph.py runs it.

A layer or an operation of `pyconv.ops` that meets a `KerasTensor` computes nothing. It notes a `Node`, itself with its
arguments, and gives new symbolic tensors. A functional model is the nodes between its inputs and its outputs.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyconv import result_shapes, tree, weight_budget
from pyconv.gradient import recording
from pyconv.naming import unique_name
from pyconv.operators import Operators, with_traced

Shape = tuple[int | None, ...]  # None: any size, as that of the batch before data are seen
P = ParamSpec("P")
R = TypeVar("R")

# What an unknown size is taken for to see what becomes of it: first the batch's, then that of any other axis. A size
# of the result that differs between the two rows is unknown as well. Large enough for windows, and prime, so that
# strides rarely make them equal.
_TRIALS = ((1, 83), (2, 89))
_numbers = itertools.count()


class KerasTensor(Operators):
    """A place for an array in a functional model: its shape, where None is any size, its dtype and where it comes from.

    Args:
        shape: the array's shape, the batch axis first.
        dtype: its dtype's name.
        name: its name; "keras_tensor" and a number by default.

    Example:
    >>> from pyconv import Input, ops
    >>> x = Input((28, 28, 1))
    >>> (x + 3).shape, ops.mean(x, axis=(1, 2)).shape
    ((None, 28, 28, 1), (None, 1))
    """

    node: Node | None = None  # that which makes it
    index: int = 0  # its place among the results there

    def __init__(self, shape: Shape, dtype: str = "float32", name: str | None = None) -> None:
        self.shape = tuple(shape)
        self.dtype = str(dtype)
        self.name = f"keras_tensor_{next(_numbers)}" if name is None else name

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        raise TypeError(
            f"A KerasTensor is symbolic: it's a placeholder for a shape and a dtype and holds no numbers. Use layers "
            f"and functions of pyconv.ops on it. Received: {self!r}."
        )

    def __bool__(self) -> bool:
        raise TypeError("A symbolic KerasTensor cannot be used as a boolean.")

    def __iter__(self) -> Any:
        raise TypeError("Iterating over a symbolic KerasTensor is not supported.")

    def __getstate__(self) -> dict[str, Any]:
        # For pickle and copy: a graph restores its nodes itself; from tensor to tensor they'd be too deep for pickle.
        return {name: value for name, value in vars(self).items() if name not in ("node", "index")}

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


class Node:
    """One call of a layer or operation: its arguments, symbolic tensors among them, and its symbolic results."""

    def __init__(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
        self.operation = operation
        self.args, self.kwargs = args, kwargs
        self.inputs: list[KerasTensor] = symbols((args, kwargs))
        self.outputs = outputs  # a KerasTensor or a structure of them
        for index, tensor in enumerate(tree.flatten(outputs)):
            tensor.node, tensor.index = self, index


class Operation:
    """A function of `pyconv.ops` as a step of a model: what a layer is, without weights."""

    built = True
    trainable = True

    def __init__(
        self, function: Callable[..., Any], name: str | None = None, settings: dict[str, Any] | None = None
    ) -> None:
        self.function = function
        self.settings = settings or {}  # the function's arguments apart from arrays
        self.class_name = "".join(word.capitalize() for word in function.__name__.split("_"))
        self.name = unique_name(self.class_name) if name is None else name
        self.inbound_nodes: list[Node] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if symbols((args, kwargs)):
            return connect(self, args, kwargs, self._result(args, kwargs))
        return self.function(*args, **kwargs, **self.settings)

    def compute_output_shape(self, *shapes: Any) -> Any:
        """The results' shapes, from the first call's arguments with other shapes in the place of its tensors."""
        given = iter(tree.flatten(tensors(shapes, "float32")))
        node = self.inbound_nodes[0]
        args, kwargs = substitute((node.args, node.kwargs), lambda tensor: next(given))
        return tree.map_structure(lambda tensor: tensor.shape, self._result(args, kwargs))

    def _result(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The symbolic result, or results."""
        shape = None if kwargs else result_shapes.of_two(self.function.__name__, args)
        if shape is not None:
            return KerasTensor(shape, np.result_type(*(tensor.dtype for tensor in symbols(args))).name)
        weight_budget.check_trial([t.shape for t in symbols((args, kwargs))], result_shapes.growth(args, self.settings))
        return infer(self, args, kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"function": self.function.__name__, "inbound_nodes": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        from pyconv import ops  # noqa: PLC0415 - ops needs this module

        vars(self).update(state, function=getattr(ops, state["function"]))


def symbols(structure: Any) -> list[KerasTensor]:
    """The symbolic tensors in nested arguments."""
    return [leaf for leaf in tree.flatten(structure) if isinstance(leaf, KerasTensor)]


def substitute(structure: Any, function: Callable[[KerasTensor], Any]) -> Any:
    """Nested arguments with something else in the place of each symbolic tensor."""
    return tree.map_structure(lambda leaf: function(leaf) if isinstance(leaf, KerasTensor) else leaf, structure)


def connect(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> Any:
    """Notes a call of an operation and returns its results."""
    operation.inbound_nodes.append(Node(operation, args, kwargs, outputs))
    return outputs


def infer(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `function` gives for symbolic arguments, as KerasTensors, found by running it on arrays of ones.

    Where sizes are unknown it runs twice, with two values for them.
    """
    shapes = [tensor.shape for tensor in symbols((args, kwargs))]
    weight_budget.check_trial(shapes)
    open_ended = any(None in shape for shape in shapes)
    results = []
    for batch, other in _TRIALS[: 1 + open_ended]:
        trial = functools.partial(_ones, batch=batch, other=other)
        trial_args, trial_kwargs = substitute((args, kwargs), trial)
        results.append(function(*trial_args, **trial_kwargs))
    pairs = zip(tree.flatten(results[0]), tree.flatten(results[-1]), strict=True)
    return tree.pack_sequence_as(results[0], (_alike(np.asarray(one), np.asarray(other)) for one, other in pairs))


def map_shapes(function: Callable[[Shape], Any], shapes: Any) -> Any:
    """A structure of shapes with the function applied to each; a tuple of sizes is a shape, not a structure."""
    if isinstance(shapes, dict):
        return {key: map_shapes(function, shapes[key]) for key in sorted(shapes)}
    if any(isinstance(item, list | tuple | dict) for item in shapes):
        return type(shapes)([map_shapes(function, item) for item in shapes])
    return function(tuple(shapes))


def flat_shapes(shapes: Any) -> list[Shape]:
    """The shapes in a structure of them, in the order of `tree.flatten`."""
    found: list[Shape] = []
    map_shapes(found.append, shapes)
    return found


def tensors(shapes: Any, dtype: str) -> Any:
    """New symbolic tensors, one for each shape in a structure of them."""
    return map_shapes(lambda shape: KerasTensor(shape, dtype), shapes)


def accepts_symbols(function: Callable[P, R]) -> Callable[P, R]:
    """An operation that, given symbolic tensors, becomes a step of a model, and keeps TracedArrays what they are."""
    on_arrays = with_traced(function)

    @functools.wraps(function)
    def operation(*args: P.args, **kwargs: P.kwargs) -> Any:
        leaves = [*args, *kwargs.values()] if kwargs else args
        if any(isinstance(leaf, _SPECIAL) for leaf in leaves) and symbols((args, kwargs)):
            arrays, settings = _arrays_and_settings(function, args, kwargs)
            return Operation(function, settings=settings)(*arrays)
        return on_arrays(*args, **kwargs) if recording() else function(*args, **kwargs)

    return operation


_SPECIAL = (Operators, list, tuple, dict)  # the last three may hold one of the first


def _arrays_and_settings(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments as Keras' files have them: arrays by position, settings by name."""
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    arrays = tuple(value for name, value in bound.arguments.items() if name in _ARRAYS)
    return arrays, {name: value for name, value in bound.arguments.items() if name not in _ARRAYS}


# Arguments of operations that are arrays or numbers to compute with; `key` is what follows x in x[key].
_ARRAYS = frozenset({"x", "x1", "x2", "xs", "inputs", "kernel", "condition", "key", "variable"})


def _ones(tensor: KerasTensor, batch: int, other: int) -> NDArray[Any]:
    shape = [(other if axis else batch) if size is None else size for axis, size in enumerate(tensor.shape)]
    return np.ones(shape, tensor.dtype)


def _alike(one: NDArray[Any], other: NDArray[Any]) -> KerasTensor:
    shape = tuple(a if a == b else None for a, b in zip(one.shape, other.shape, strict=True))
    return KerasTensor(shape, str(one.dtype))
