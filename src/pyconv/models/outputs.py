"""What `compile` and `fit` are given for each output of a model, put in the order of the outputs,
and arrays for the outputs themselves. Computes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pyconv import tree
from pyconv.ops.arrays import checked_out


def names_of(y_pred: Any, output_names: Sequence[str]) -> list[str | None]:
    """The outputs' names: the keys of a dictionary of them, else the given ones, else None for each."""
    count = len(tree.flatten(y_pred))
    if isinstance(y_pred, dict) and len(y_pred) == count:
        return sorted(y_pred)
    return list(output_names) if len(output_names) == count else [None] * count


def per_output(op: str, what: str, given: Any, y_pred: Any, output_names: Sequence[str]) -> list[Any]:
    """The part of `given` that belongs to each output, None where a dictionary leaves one out.

    Args:
        op: who asks, for errors.
        what: what is given, for errors.
        given: a structure like y_pred, a list in the order of the outputs, or a dictionary by their names.
        y_pred: the outputs.
        output_names: the outputs' names as the model has them, empty if it has none.

    Raises:
        ValueError: if it doesn't fit the outputs.

    Example:
    >>> per_output("fit", "y", {"b": 2, "a": 1}, [0.5, 0.5], ["a", "b"])
    [1, 2]
    """
    names = names_of(y_pred, output_names)
    if isinstance(given, dict) and set(given) <= set(names):
        return [given.get(name) for name in names]
    outputs = [y_pred] if not isinstance(y_pred, dict | list | tuple) else y_pred
    if isinstance(given, list | tuple) and len(given) == len(names):
        return list(given)
    if _fits(given, outputs) or (len(names) == 1 and not isinstance(given, dict | list | tuple)):
        return tree.flatten(given)
    raise ValueError(
        f"{op}: {what} must have a part for each of the model's outputs, {_described(names)}. "
        f"Received: {_described(sorted(given) if isinstance(given, dict) else given)}."
    )


def written(op: str, out: Any, y: Any, inputs: Any) -> Any:
    """Copies results to the arrays that a caller has for them, which must lie apart from the inputs; returns those.

    Raises:
        TypeError: if out isn't arrays.
        ValueError: if it has another structure than y, or an array doesn't fit.

    Example:
    >>> import numpy as np
    >>> from pyconv.models.outputs import written
    >>> written("Model", np.zeros(2), np.ones(2), [])
    array([1., 1.])
    """
    given, results = tree.flatten(out), tree.flatten(y)
    if len(given) != len(results):
        raise ValueError(f"{op}: out must have an array for each of {len(results)} outputs. Received: {len(given)}.")
    arrays = [x for x in tree.flatten(inputs) if isinstance(x, np.ndarray)]
    for array, result in zip(given, results, strict=True):
        np.copyto(checked_out(op, array, result.shape, result.dtype, *arrays), result)
    return out


def _fits(given: Any, y_pred: Any) -> bool:
    """Whether the one has the structure of the other, below whose leaves there may be more."""
    if isinstance(y_pred, dict):
        return (
            isinstance(given, dict) and given.keys() == y_pred.keys() and all(_fits(given[k], y_pred[k]) for k in given)
        )
    if isinstance(y_pred, list | tuple):
        same = isinstance(given, list | tuple) and len(given) == len(y_pred)
        return same and all(_fits(a, b) for a, b in zip(given, y_pred, strict=True))
    return True


def _described(parts: Any) -> str:
    if isinstance(parts, list | tuple):
        return f"{len(parts)} of them" + (f" ({', '.join(parts)})" if all(isinstance(p, str) for p in parts) else "")
    return "a single one"
