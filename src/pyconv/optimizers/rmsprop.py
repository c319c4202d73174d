"""RMSprop: steps scaled by a running mean of the gradient's square."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pyconv import _core
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.ops.arrays import contiguous
from pyconv.optimizers.optimizer import LearningRate, Optimizer, Scaling
from pyconv.variable import Variable, written


class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton 2012, lecture 6.5 of Neural Networks for Machine Learning).

    v = rho * v + (1 - rho) * g^2;  w -= learning_rate * g / sqrt(v + epsilon)

    Args:
        learning_rate: how far a step goes.
        rho: decay of the square's mean, 0 to 1.
        momentum: how much of the previous step is added to each step, 0 to 1.
        epsilon: keeps the quotient finite.
        centered: whether v becomes the variance, by subtracting the square of the gradient's running mean.
        **settings: those that all optimizers share, see `Optimizer`.

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
        learning_rate: LearningRate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(learning_rate, **settings)
        self.rho = real_number("RMSprop", "rho", rho, 0, 1)
        self.momentum = real_number("RMSprop", "momentum", momentum, 0, 1)
        self.epsilon = real_number("RMSprop", "epsilon", epsilon, 0, math.inf, open_end=True)
        self.centered = bool(centered)

    def build(self, variables: Sequence[Variable]) -> None:
        super().build(variables)
        self._velocities = self.add_optimizer_variables(variables, "velocity")
        self._momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum else []
        self._means = self.add_optimizer_variables(variables, "average_gradient") if self.centered else []

    def update_step(self, gradient: Array, variable: Variable, learning_rate: float) -> None:
        RMSprop._scaled_step(self, gradient, variable, learning_rate, Scaling())

    def _scaled_step(self, gradient: Array, variable: Variable, learning_rate: float, scaling: Scaling) -> None:
        index, share = self._get_variable_index(variable), 1 - self.rho
        velocity = self._momentums[index] if self.momentum else None
        mean = self._means[index] if self.centered else None
        with written(variable, self._velocities[index], velocity, mean) as (weight, square, step, mean_array):
            _core.rmsprop_update(
                weight,
                contiguous(gradient),
                scaling.keep,
                learning_rate,
                self.rho,
                share,
                self.epsilon,
                square,
                self.momentum,
                step,
                share,
                mean_array,
                *scaling.of_gradient,
            )

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "rho": self.rho,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "centered": self.centered,
        }
