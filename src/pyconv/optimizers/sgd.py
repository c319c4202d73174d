"""Stochastic gradient descent, with or without momentum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyconv import _core
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.ops.arrays import contiguous
from pyconv.optimizers.optimizer import LearningRate, Optimizer, Scaling
from pyconv.variable import Variable, written


class SGD(Optimizer):
    """Gradient descent: w += v, where v = momentum * v - learning_rate * g.

    With Nesterov's momentum w += momentum * v - learning_rate * g, with the new v.

    Args:
        learning_rate: how far a step goes.
        momentum: how much of the previous step is kept, 0 to 1.
        nesterov: whether the gradient counts as taken after the momentum's step.
        **settings: those that all optimizers share, see `Optimizer`.

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

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(learning_rate, **settings)
        self.momentum = real_number("SGD", "momentum", momentum, 0, 1)
        self.nesterov = bool(nesterov)

    def build(self, variables: Sequence[Variable]) -> None:
        super().build(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum else []

    def update_step(self, gradient: Array, variable: Variable, learning_rate: float) -> None:
        SGD._scaled_step(self, gradient, variable, learning_rate, Scaling())

    def _scaled_step(self, gradient: Array, variable: Variable, learning_rate: float, scaling: Scaling) -> None:
        velocity = self._momentums[self._get_variable_index(variable)] if self.momentum else None
        with written(variable, velocity) as (weight, step):
            rule = learning_rate, self.momentum, self.nesterov, step
            _core.sgd_update(weight, contiguous(gradient), scaling.keep, *rule, *scaling.of_gradient)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"momentum": self.momentum, "nesterov": self.nesterov}
