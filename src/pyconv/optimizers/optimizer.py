"""The base of all optimizers: a learning rate, a count of steps, and what is remembered for each weight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.variable import Variable


class Optimizer:
    """Changes weights, in place, along their gradients; a subclass says how in `update_step`.

    Args:
        learning_rate: how far a step goes. May be changed between steps through the attribute of that name.
    """

    def __init__(self, learning_rate: float) -> None:
        self.iterations = 0
        self.learning_rate = learning_rate
        self._slots: dict[tuple[Variable, str], Array] = {}

    @property
    def learning_rate(self) -> float:
        """How far a step goes."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = real_number(type(self).__name__, "learning_rate", value, 0, math.inf, open_end=True)

    def apply(self, grads: Sequence[Array], trainable_variables: Sequence[Variable]) -> None:
        """Takes one step: the first gradient changes the first variable, and so on.

        Raises:
            ValueError: if the numbers of gradients and variables differ, or a gradient's shape and its variable's.
        """
        op = type(self).__name__
        if len(grads) != len(trainable_variables):
            raise ValueError(
                f"{op}: each variable needs a gradient. "
                f"Received: {len(grads)} gradients, {len(trainable_variables)} variables."
            )
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            if np.shape(gradient) != variable.shape:
                raise ValueError(
                    f"{op}: a gradient must have its variable's shape. "
                    f"Received: gradient.shape={np.shape(gradient)}, variable={variable}."
                )
        self.iterations += 1
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            self.update_step(np.asarray(gradient, variable.dtype), variable)
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable.value))

    def update_step(self, gradient: Array, variable: Variable) -> None:
        """Changes one variable; `iterations` counts this step already."""
        raise NotImplementedError(f"{type(self).__name__}: an optimizer must define update_step.")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"learning_rate": self.learning_rate}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Optimizer:
        """A new optimizer made from what `get_config` returned, without what it remembers."""
        return cls(**config)

    def _slot(self, variable: Variable, name: str) -> Array:
        """What this optimizer remembers about a variable under a name, zeros at first."""
        if (variable, name) not in self._slots:
            self._slots[variable, name] = np.zeros_like(variable.value)
        return self._slots[variable, name]
