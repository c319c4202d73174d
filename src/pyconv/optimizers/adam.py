"""Adam: steps scaled by running means of the gradient and of its square."""

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


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, arXiv:1412.6980), in the form before its section 2.1.

    m += (1 - beta_1) (g - m);  v += (1 - beta_2) (g^2 - v)
    w -= learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon) at step t = 1, 2, ...

    Args:
        learning_rate: how far a step goes.
        beta_1: decay of the gradient's mean, 0 to 1.
        beta_2: decay of the square's mean, 0 to 1.
        epsilon: keeps the quotient finite. The paper's epsilon-hat: added to the root before its correction.
        amsgrad: whether the largest v so far takes the place of v (Reddi et al. 2018, arXiv:1904.09237).
        **settings: those that all optimizers share, see `Optimizer`.

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
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(learning_rate, **settings)
        op = type(self).__name__
        self.beta_1 = real_number(op, "beta_1", beta_1, 0, 1, open_end=True)
        self.beta_2 = real_number(op, "beta_2", beta_2, 0, 1, open_end=True)
        self.epsilon = real_number(op, "epsilon", epsilon, 0, math.inf, open_end=True)
        self.amsgrad = bool(amsgrad)

    def build(self, variables: Sequence[Variable]) -> None:
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
        self._velocity_hats = self.add_optimizer_variables(variables, "velocity_hat") if self.amsgrad else []

    def update_step(self, gradient: Array, variable: Variable, learning_rate: float) -> None:
        Adam._scaled_step(self, gradient, variable, learning_rate, Scaling())

    def _scaled_step(self, gradient: Array, variable: Variable, learning_rate: float, scaling: Scaling) -> None:
        index, time = self._get_variable_index(variable), self.iterations + 1
        rate = learning_rate * math.sqrt(1 - self.beta_2**time) / (1 - self.beta_1**time)
        shares = 1 - self.beta_1, 1 - self.beta_2
        state = self._momentums[index], self._velocities[index], self._velocity_hats[index] if self.amsgrad else None
        with written(variable, *state) as (weight, mean, square, largest):
            rule = rate, *shares, self.epsilon, mean, square, largest
            _core.adam_update(weight, contiguous(gradient), scaling.keep, *rule, *scaling.of_gradient)

    def get_config(self) -> dict[str, Any]:
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon, "amsgrad": self.amsgrad}
        return super().get_config() | own
