"""Normalization: inputs freed of a mean and variance that are known, or learnt from data once by `adapt`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import config, ops
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.layer import Layer, Shape
from pyconv.ops.arrays import as_float
from pyconv.ops.geometry import axis_tuple, integer, is_sequence
from pyconv.variable import Variable


class Normalization(Layer):
    """y = (x - mean) / sqrt(variance), with a mean and variance for each place along axes.

    Args:
        axis: the axis or axes whose places have numbers of their own; None for one mean and variance of all.
        mean: the mean, if it is known: a number or an array that fits the axes. Together with variance.
        variance: the variance, likewise.
        invert: whether to do the opposite, y = x * sqrt(variance) + mean.
        **kwargs: name, dtype, trainable, input_shape.

    Input shape:
        (N, ...)

    Output shape:
        (N, ...)

    Raises:
        ValueError: if only one of mean and variance is given, or they don't fit the axes or the input.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Normalization
    >>> layer = Normalization()
    >>> layer.adapt(np.array([[1.0, 10.0], [3.0, 30.0]]))
    >>> layer(np.array([[2.0, 40.0]]))
    array([[0., 2.]], dtype=float32)
    """

    invert: bool
    adapt_mean: Variable | None = None
    adapt_variance: Variable | None = None

    def __init__(
        self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        items = () if axis is None else axis if is_sequence(axis) else (axis,)
        self.axis = tuple(integer(self._op, "axis", item, minimum=-64) for item in items)
        self.mean, self.variance = (a.tolist() if isinstance(a, np.ndarray) else a for a in (mean, variance))
        if (mean is None) != (variance is None) or np.shape(mean) != np.shape(variance):
            raise ValueError(
                f"{self._op}: both mean and variance must be set, and have the same shape. "
                f"Received: mean={mean}, variance={variance}."
            )

    def build(self, input_shape: Shape) -> None:
        kept = axis_tuple(self._op, self.axis, len(input_shape))
        sizes = tuple(size for axis in kept if (size := input_shape[axis]) is not None)
        if len(sizes) < len(kept):
            raise ValueError(
                f"{self._op}: axis must name axes of known size. "
                f"Received: axis={self.axis}, inputs.shape={input_shape}."
            )
        self.input_axes, self.input_rank = dict(zip(kept, sizes, strict=True)), len(input_shape)
        self._spread = tuple(self.input_axes.get(axis, 1) for axis in range(len(input_shape)))
        if self.mean is None:
            self.adapt_mean = self.add_weight(sizes, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(sizes, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", trainable=False, name="count")  # for old files, unused
        else:
            self._known = self._fitted("mean", self.mean, sizes), self._fitted("variance", self.variance, sizes)

    def adapt(self, data: ArrayLike) -> None:
        """Sets mean and variance to those of an array with the batch axis in front.

        Raises:
            TypeError: if data doesn't hold numbers.
            ValueError: if they are known already, data is empty, or it doesn't fit the layer.
        """
        if self.mean is not None:
            raise ValueError(f"{self._op}.adapt: mean and variance were given. Received: mean={self.mean}.")
        x = as_float(f"{self._op}.adapt", "data", data)
        self.build((None, *x.shape[1:]))
        self.check_input_shape(x.shape)
        if x.size == 0:
            raise ValueError(f"{self._op}.adapt: data must not be empty. Received: data.shape={x.shape}.")
        assert self.adapt_mean is not None
        assert self.adapt_variance is not None
        others = tuple(axis for axis in range(x.ndim) if axis not in self.input_axes)
        self.adapt_mean.assign(x.mean(axis=others, dtype=np.float64))
        self.adapt_variance.assign(x.var(axis=others, dtype=np.float64))

    def call(self, x: Array) -> Array:
        if self.adapt_mean is None or self.adapt_variance is None:
            mean, variance = self._known
        else:
            mean, variance = (weight.value for weight in (self.adapt_mean, self.adapt_variance))
        # Where nothing varies nothing must be divided by zero.
        deviation = np.maximum(np.sqrt(variance), config.epsilon()).reshape(self._spread)
        mean = mean.reshape(self._spread)
        return (
            ops.add(ops.multiply(x, deviation), mean) if self.invert else ops.divide(ops.subtract(x, mean), deviation)
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def _fitted(self, name: str, numbers: Any, sizes: tuple[int, ...]) -> Array:
        """The argument as an array with a number for each place along the axes."""
        array = as_float(self._op, name, np.asarray(numbers)).astype(self.dtype)
        try:
            return np.broadcast_to(array, sizes)
        except ValueError:
            raise ValueError(
                f"{self._op}: {name} must fit the sizes {sizes} of inputs along axis {self.axis}. "
                f"Received: {name} of shape {array.shape}."
            ) from None
