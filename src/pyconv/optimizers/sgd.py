"""Stochastic gradient descent, with or without momentum."""

from __future__ import annotations

from typing import Any

from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.optimizers.optimizer import Optimizer
from pyconv.variable import Variable


class SGD(Optimizer):
    """Gradient descent: w += v, where v = momentum * v - learning_rate * g.

    With Nesterov's momentum w += momentum * v - learning_rate * g, with the new v.

    Args:
        learning_rate: how far a step goes.
        momentum: how much of the previous step is kept, 0 to 1.
        nesterov: whether the gradient counts as taken after the momentum's step.

    Raises:
        ValueError: if learning_rate is negative or momentum isn't in 0..1.

    Example:
    >>> import numpy as np
    >>> from pyconv import Variable
    >>> from pyconv.optimizers import SGD
    >>> weight = Variable([1.0, 2.0])
    >>> SGD(learning_rate=0.5).apply([np.array([1.0, -1.0])], [weight])
    >>> weight.numpy()
    array([0.5, 2.5])
    """

    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.0, nesterov: bool = False) -> None:
        super().__init__(learning_rate)
        self.momentum = real_number("SGD", "momentum", momentum, 0, 1)
        self.nesterov = bool(nesterov)

    def update_step(self, gradient: Array, variable: Variable) -> None:
        step = gradient * self.learning_rate
        if self.momentum == 0:
            with variable.writing() as array:
                array[...] -= step
            return
        velocity = self._slot(variable, "momentum")
        velocity *= self.momentum
        velocity -= step
        with variable.writing() as array:
            array[...] += self.momentum * velocity - step if self.nesterov else velocity

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"momentum": self.momentum, "nesterov": self.nesterov}
