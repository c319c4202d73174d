"""What layers are given: one array or several, and their shapes. Checks and tells them apart, computes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from pyconv import tree
from pyconv.arguments import ArgumentTypeError
from pyconv.operators import TracedArray
from pyconv.ops.geometry import integer
from pyconv.symbolic import KerasTensor, Shape


def shape_tuple(op: str, name: str, shape: Any, minimum: int = 0) -> Shape:
    """The argument `name` of `op` as a shape: integers, None where a size is unknown."""
    if not isinstance(shape, Iterable) or isinstance(shape, str):
        what = "a tuple or list of integers, with None for unknown ones"
    else:
        try:
            return tuple(None if size is None else integer(op, name, size, minimum) for size in shape)
        except ArgumentTypeError:
            what = "all elements to be integers or None"
        except ValueError:
            what = f"all dimensions to be {'positive' if minimum else 'non-negative'} integers or None"
    raise ArgumentTypeError(
        f"{op}: Invalid value received for argument `{name}`. Expected {what}. Received: {name}={shape!r}."
    )


def are_several(inputs: Any) -> bool:
    """Whether a layer is given several inputs: a list or tuple of arrays, not one of numbers or rows."""
    return (
        isinstance(inputs, list | tuple)
        and len(inputs) > 0
        and all(isinstance(x, np.ndarray | TracedArray | dict) or are_several(x) for x in inputs)
    )


def has_arrays(value: Any) -> bool:
    return any(isinstance(leaf, np.ndarray | KerasTensor) for leaf in tree.flatten(value))


def checked_shape(op: str, shape: Any) -> Any:
    """The shape of the input, or a list or dictionary of the shapes of several."""
    if isinstance(shape, dict):
        return {name: checked_shape(op, item) for name, item in shape.items()}
    if isinstance(shape, list | tuple) and any(isinstance(item, list | tuple | dict) for item in shape):
        return [checked_shape(op, item) for item in shape]
    return shape_tuple(op, "input_shape", shape)


def of_any_batch(shape: Shape) -> Shape:
    """The shape with the batch's size left open."""
    return (None, *shape[1:]) if shape else ()


def shape_of(array: Any) -> Shape:
    return tuple(array.shape)


def declared_shape(op: str, kwargs: dict[str, Any]) -> Shape | None:
    """Takes Keras' input_shape or input_dim out of kwargs and puts the batch axis before it."""
    if "input_dim" in kwargs:
        return shape_tuple(op, "input_dim", (None, kwargs.pop("input_dim")), minimum=1)
    if "input_shape" in kwargs:
        return (None, *shape_tuple(op, "input_shape", kwargs.pop("input_shape"), minimum=1))
    return None
