"""The base of all metrics: a state that batches update, and a result. Holds no formula of a metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pyconv import initializers
from pyconv.gradient import Array
from pyconv.naming import unique_name
from pyconv.operators import value_of
from pyconv.ops.arrays import as_float
from pyconv.variable import Variable


class Metric:
    """The base of all metrics.

    A metric of one's own makes its state with `add_variable`, changes it in `update_state` and gives a number, or a
    dictionary of numbers by name, from `result`. `reset_state` makes what `add_variable` made what it was.

    Args:
        name: its name in logs and in History; by default its class' and a number.
        dtype: taken for programs written for Keras; states are sums in float64.

    Example:
    >>> from pyconv import metrics, ops
    >>> class Biggest(metrics.Metric):
    ...     def __init__(self, name="biggest"):
    ...         super().__init__(name)
    ...         self.seen = self.add_variable((), "zeros", name="seen")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.seen.assign(max(float(self.seen.value), float(np.max(y_pred))))
    ...     def result(self):
    ...         return float(self.seen.value)
    >>> Biggest()([0, 1], [0.25, 0.5])
    0.5
    """

    _direction: str | None = None  # "up" if more is better, "down" if less is: what callbacks with mode="auto" ask

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        self.name = unique_name(type(self).__name__) if name is None else name
        self.dtype = "float32" if dtype is None else dtype  # what configurations say
        self._variables: list[tuple[Variable, Any]] = []

    @property
    def variables(self) -> list[Variable]:
        """What `add_variable` made."""
        return [variable for variable, _ in self._variables]

    def add_variable(
        self, shape: Sequence[int] = (), initializer: Any = "zeros", dtype: Any = None, name: str = "variable"
    ) -> Variable:
        """A part of the state; its array is the result's `.value`, and `assign` changes it."""
        made = initializers.get(initializer)
        variable = Variable(made(tuple(shape), "float64"), "float64", trainable=False, name=name)
        self._variables.append((variable, made))
        return variable

    add_weight = add_variable  # its name in Keras 2

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Takes a batch into account: (y_true, y_pred, sample_weight=None) as a rule."""
        raise NotImplementedError(f"{type(self).__name__}: a metric must define update_state.")

    def result(self) -> Any:
        """The metric's value for all batches since `reset_state`."""
        raise NotImplementedError(f"{type(self).__name__}: a metric must define result.")

    def reset_state(self) -> None:
        """Forgets all batches."""
        for variable, initializer in self._variables:
            variable.assign(initializer(variable.shape, "float64"))

    def get_config(self) -> dict[str, Any]:
        """The arguments from which the constructor makes this metric again."""
        return {"name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Metric:
        """A metric made from what `get_config` returned."""
        return cls(**config)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def arrays(op: str, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    """Labels and predictions as arrays of floating point numbers, predictions with a batch axis."""
    true, pred = as_float(op, "y_true", value_of(y_true)), as_float(op, "y_pred", value_of(y_pred))
    if pred.ndim == 0:
        raise ValueError(f"{op}: y_pred must have a batch axis. Received: y_pred.shape=().")
    return true, pred


def alike(op: str, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    """As `arrays`, of one shape; (N, 1) and (N,) are taken for the same."""
    true, pred = arrays(op, y_true, y_pred)
    if true.shape == (*pred.shape, 1) or pred.shape == (*true.shape, 1):
        true = true.reshape(pred.shape)
    if true.shape != pred.shape:
        raise ValueError(
            f"{op}: y_true and y_pred must have the same shape. "
            f"Received: y_true.shape={true.shape}, y_pred.shape={pred.shape}."
        )
    return true, pred


def weights_for(op: str, sample_weight: Any, shape: tuple[int, ...]) -> Array:
    """One weight for each of an array's numbers, from weights (N,), (N, 1) or of its leading sizes; None for ones.

    Raises:
        ValueError: if they don't fit.
    """
    if sample_weight is None:
        return np.ones(shape)
    weights = np.asarray(value_of(sample_weight), np.float64)
    if weights.ndim == len(shape) + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    try:
        return np.broadcast_to(weights.reshape(weights.shape + (1,) * (len(shape) - weights.ndim)), shape)
    except ValueError:
        raise ValueError(
            f"{op}: sample_weight must have the leading sizes of the batch. "
            f"Received: sample_weight.shape={weights.shape} for {shape}."
        ) from None
