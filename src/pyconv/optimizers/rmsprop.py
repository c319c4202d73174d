"""RMSprop: steps scaled by a running mean of the gradient's square."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.optimizers.optimizer import Optimizer
from pyconv.variable import Variable


class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning).

    v = rho * v + (1 - rho) * g^2;  w -= learning_rate * g / sqrt(v + epsilon)

    Args:
        learning_rate: how far a step goes.
        rho: decay of the square's mean, 0 to 1.
        momentum: how much of the previous step is added to each step, 0 to 1.
        epsilon: keeps the quotient finite.
        centered: whether v becomes the variance, by subtracting the square of the gradient's running mean.

    Raises:
        ValueError: if an argument is out of its range.

    Example:
    >>> import numpy as np
    >>> from pyconv import Variable
    >>> from pyconv.optimizers import RMSprop
    >>> weight = Variable([1.0, 2.0])
    >>> RMSprop(learning_rate=0.1, rho=0.75).apply([np.array([5.0, -0.5])], [weight])
    >>> weight.numpy().round(3)
    array([0.8, 2.2])
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
    ) -> None:
        super().__init__(learning_rate)
        self.rho = real_number("RMSprop", "rho", rho, 0, 1)
        self.momentum = real_number("RMSprop", "momentum", momentum, 0, 1)
        self.epsilon = real_number("RMSprop", "epsilon", epsilon, 0, math.inf, open_end=True)
        self.centered = bool(centered)

    def update_step(self, gradient: Array, variable: Variable) -> None:
        square = self._slot(variable, "velocity")
        square *= self.rho
        square += (1 - self.rho) * gradient * gradient
        variance = square
        if self.centered:
            mean = self._slot(variable, "average_gradient")
            mean *= self.rho
            mean += (1 - self.rho) * gradient
            variance = square - mean * mean
        step = gradient * self.learning_rate / np.sqrt(variance + self.epsilon)
        if self.momentum > 0:
            previous = self._slot(variable, "momentum")
            previous *= self.momentum
            previous += step
            step = previous
        with variable.writing() as array:
            array[...] -= step

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }
