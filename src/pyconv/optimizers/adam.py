"""Adam: steps scaled by running means of the gradient and of its square."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.optimizers.optimizer import Optimizer
from pyconv.variable import Variable


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, arXiv:1412.6980), in the form before its section 2.1.

    m += (1 - beta_1) (g - m);  v += (1 - beta_2) (g^2 - v)
    w -= learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon) at step t = 1, 2, ...

    Args:
        learning_rate: how far a step goes.
        beta_1: decay of the gradient's mean, 0 to 1.
        beta_2: decay of the square's mean, 0 to 1.
        epsilon: keeps the quotient finite. The paper's epsilon-hat: added to the root before its correction.

    Raises:
        ValueError: if an argument is out of its range.

    Example:
    >>> import numpy as np
    >>> from pyconv import Variable
    >>> from pyconv.optimizers import Adam
    >>> weight = Variable([1.0, 2.0])
    >>> Adam(learning_rate=0.1).apply([np.array([5.0, -0.5])], [weight])
    >>> weight.numpy().round(3)  # the first step has the learning rate's length, whatever the gradient's
    array([0.9, 2.1])
    """

    def __init__(
        self, learning_rate: float = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7
    ) -> None:
        super().__init__(learning_rate)
        self.beta_1 = real_number("Adam", "beta_1", beta_1, 0, 1, open_end=True)
        self.beta_2 = real_number("Adam", "beta_2", beta_2, 0, 1, open_end=True)
        self.epsilon = real_number("Adam", "epsilon", epsilon, 0, math.inf, open_end=True)

    def update_step(self, gradient: Array, variable: Variable) -> None:
        mean = self._slot(variable, "momentum")
        square = self._slot(variable, "velocity")
        mean += (gradient - mean) * (1 - self.beta_1)
        square += (gradient * gradient - square) * (1 - self.beta_2)
        step = self.learning_rate * math.sqrt(1 - self.beta_2**self.iterations) / (1 - self.beta_1**self.iterations)
        with variable.writing() as array:
            array[...] -= mean * step / (np.sqrt(square) + self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
