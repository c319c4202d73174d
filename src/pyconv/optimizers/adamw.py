"""AdamW: Adam with weight decay, which is the base's; the formula of a step is Adam's."""

from __future__ import annotations

from typing import Any

from pyconv.optimizers.adam import Adam
from pyconv.optimizers.optimizer import LearningRate


class AdamW(Adam):
    """Adam whose weights decay apart from the gradient (Loshchilov and Hutter 2019, arXiv:1711.05101).

    w -= weight_decay * learning_rate * w, then Adam's step.

    Args:
        learning_rate: as in `Adam`.
        weight_decay: see above; `exclude_from_weight_decay(var_names=["bias"])` spares the biases.
        beta_1: as in `Adam`.
        beta_2: as in `Adam`.
        epsilon: as in `Adam`.
        amsgrad: as in `Adam`.
        **settings: those that all optimizers share, see `Optimizer`.

    Raises:
        TypeError: if weight_decay is None.
        ValueError: if an argument is out of its range.

    Example:
    >>> import numpy as np
    >>> from pyconv import Variable
    >>> from pyconv.optimizers import AdamW
    >>> weight = Variable([1.0, 2.0])
    >>> AdamW(learning_rate=0.1, weight_decay=0.5).apply([np.array([5.0, -0.5])], [weight])
    >>> weight.numpy().round(3)
    array([0.85, 2.  ])
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **settings: Any,
    ) -> None:
        if weight_decay is None:
            raise TypeError("AdamW: weight_decay must be a number. Received: weight_decay=None.")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **settings)
