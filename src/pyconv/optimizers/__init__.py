"""Optimizers with Keras' names, arguments and formulas."""

from __future__ import annotations

from collections.abc import Callable

from pyconv.optimizers.adam import Adam
from pyconv.optimizers.optimizer import Optimizer
from pyconv.optimizers.rmsprop import RMSprop
from pyconv.optimizers.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer", "RMSprop", "get"]

_OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {"adam": Adam, "rmsprop": RMSprop, "sgd": SGD}


def get(identifier: str | Optimizer) -> Optimizer:
    """An optimizer by its name in any case, with Keras' default arguments; an optimizer is returned as it is.

    Raises:
        TypeError: if identifier is neither a string nor an optimizer.
        ValueError: if there is no optimizer of that name.

    Example:
    >>> from pyconv import optimizers
    >>> optimizers.get("adam").learning_rate
    0.001
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if not isinstance(identifier, str):
        raise TypeError(f"optimizers.get: give a name or an optimizer. Received: identifier={identifier!r}.")
    if identifier.lower() not in _OPTIMIZERS:
        raise ValueError(
            f"optimizers.get: there is no optimizer of that name, only {', '.join(_OPTIMIZERS)}. "
            f"Received: identifier={identifier!r}."
        )
    return _OPTIMIZERS[identifier.lower()]()
