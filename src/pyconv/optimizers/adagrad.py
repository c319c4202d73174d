"""Adagrad: steps scaled by the sum of the squares of all gradients so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pyconv import _core
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.initializers import Constant
from pyconv.ops.arrays import contiguous
from pyconv.optimizers.optimizer import LearningRate, Optimizer, Scaling
from pyconv.variable import Variable, written


class Adagrad(Optimizer):
    """Adagrad (Duchi, Hazan and Singer 2011, JMLR 12).

    a += g^2;  w -= learning_rate * g / sqrt(a + epsilon)

    Args:
        learning_rate: how far a step goes; the paper's form has 1.
        initial_accumulator_value: a before the first step, 0 or more.
        epsilon: keeps the quotient finite.
        **settings: those that all optimizers share, see `Optimizer`.

    Raises:
        ValueError: if an argument is out of its range.

    Example:
    >>> import numpy as np
    >>> from pyconv import Variable
    >>> from pyconv.optimizers import Adagrad
    >>> weight = Variable([1.0, 2.0])
    >>> Adagrad(learning_rate=0.1, initial_accumulator_value=0.0).apply([np.array([5.0, -0.5])], [weight])
    >>> weight.numpy().round(3)
    array([0.9, 2.1])
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **settings: Any,
    ) -> None:
        super().__init__(learning_rate, **settings)
        self.initial_accumulator_value = real_number(
            "Adagrad", "initial_accumulator_value", initial_accumulator_value, 0, math.inf, open_end=True
        )
        self.epsilon = real_number("Adagrad", "epsilon", epsilon, 0, math.inf, open_end=True)

    def build(self, variables: Sequence[Variable]) -> None:
        super().build(variables)
        start = Constant(self.initial_accumulator_value)
        self._accumulators = self.add_optimizer_variables(variables, "accumulator", start)

    def update_step(self, gradient: Array, variable: Variable, learning_rate: float) -> None:
        Adagrad._scaled_step(self, gradient, variable, learning_rate, Scaling())

    def _scaled_step(self, gradient: Array, variable: Variable, learning_rate: float, scaling: Scaling) -> None:
        with written(variable, self._accumulators[self._get_variable_index(variable)]) as (weight, total):
            # RMSprop's step, with a sum of squares in the place of their mean.
            rule = learning_rate, 1.0, 1.0, self.epsilon, total, 0.0, None, 0.0, None
            _core.rmsprop_update(weight, contiguous(gradient), scaling.keep, *rule, *scaling.of_gradient)

    def get_config(self) -> dict[str, Any]:
        own = {"initial_accumulator_value": self.initial_accumulator_value, "epsilon": self.epsilon}
        return super().get_config() | own
