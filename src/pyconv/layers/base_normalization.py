"""What layers that normalise share: gamma and beta along axes, and the axes' sizes, which must be known."""

from __future__ import annotations

import math
from typing import Any

from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.layer import Layer, Shape
from pyconv.ops.geometry import axis_tuple
from pyconv.variable import Variable


class BaseNormalization(Layer):
    """A layer that subtracts a mean and divides by a deviation, then scales by gamma and shifts by beta."""

    axis: Any
    epsilon: float
    center: bool
    scale: bool
    gamma: Variable | None
    beta: Variable | None

    def checked_epsilon(self, epsilon: Any) -> float:
        """The argument epsilon as a number, not negative."""
        return real_number(self._op, "epsilon", epsilon, 0, math.inf, open_end=True)

    def known_sizes(self, input_shape: Shape, axis: Any) -> tuple[int, ...]:
        """The input's sizes along axes, which every later input must have."""
        axes = axis_tuple(self._op, axis, len(input_shape))
        sizes = tuple(size for place in axes if (size := input_shape[place]) is not None)
        if len(sizes) < len(axes):
            raise ValueError(
                f"{self._op}: Axis {axis} of input tensor should have a defined dimension but the layer received an "
                f"input with shape {input_shape}."
            )
        # Counted from the end: where only the last axes matter, inputs may have others in front.
        self.input_axes = {place - len(input_shape): size for place, size in zip(axes, sizes, strict=True)}
        return sizes

    def add_gamma_and_beta(self, shape: tuple[int, ...]) -> None:
        """Makes those that the arguments scale and center ask for."""
        self.gamma = settings.weight(self, "gamma", shape) if self.scale else None
        self.beta = settings.weight(self, "beta", shape) if self.center else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        axis_tuple(self._op, self.axis, len(input_shape))
        return input_shape


def value(weight: Variable | None) -> Array | None:
    """The weight's array, None where there is no weight."""
    return None if weight is None else weight.value
