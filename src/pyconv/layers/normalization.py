"""Normalization: inputs freed of a mean and variance that are known, or learnt from data once by `adapt`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from pyconv import config, ops
from pyconv.gradient import Array
from pyconv.layers.inputs import are_several
from pyconv.layers.layer import Layer, Shape
from pyconv.ops.arrays import as_float
from pyconv.ops.geometry import axes_argument, axis_tuple
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

    supports_masking = True
    invert: bool
    adapt_mean: Variable | None = None
    adapt_variance: Variable | None = None

    def __init__(
        self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.axis = () if axis is None else axes_argument(self._op, axis)
        self.invert = bool(invert)
        self._given = {
            name: numbers.tolist() if isinstance(numbers, np.ndarray) else numbers
            for name, numbers in (("mean", mean), ("variance", variance))
        }
        self._known: tuple[Array, Array] | None = None
        if (mean is None) != (variance is None):
            what = "When setting values directly, both `mean` and `variance` must be set"
        elif np.shape(mean) != np.shape(variance):
            what = "When setting values directly, `mean` and `variance` must have the same shape"
        else:
            return
        raise ValueError(f"{self._op}: {what}. Received: mean={mean}, variance={variance}.")

    @property
    def mean(self) -> Array | None:
        """The mean in use, of the input's rank; None until it is known."""
        return None if (numbers := self._in_use()) is None else numbers[0]

    @property
    def variance(self) -> Array | None:
        """The variance in use, likewise."""
        return None if (numbers := self._in_use()) is None else numbers[1]

    def build(self, input_shape: Shape) -> None:
        kept = axis_tuple(self._op, self.axis, len(input_shape))
        sizes = tuple(size for axis in kept if (size := input_shape[axis]) is not None)
        if len(sizes) < len(kept):
            raise ValueError(
                f"{self._op}: All `axis` values to be kept must have a known shape. "
                f"Received: axis={self.axis}, inputs.shape={input_shape}."
            )
        self.input_axes, self.input_rank = dict(zip(kept, sizes, strict=True)), len(input_shape)
        self._spread = tuple(self.input_axes.get(axis, 1) for axis in range(len(input_shape)))
        if self._given["mean"] is None:
            self.adapt_mean = self.add_weight(sizes, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(sizes, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", trainable=False, name="count")  # for old files, unused
        else:
            mean, variance = (self._fitted(name, numbers, sizes) for name, numbers in self._given.items())
            self._known = mean, variance

    def adapt(self, data: Any) -> None:
        """Sets mean and variance to those of data.

        Args:
            data: an array with the batch axis in front; or batches, an iterable of such arrays, of (array, labels ...)
                tuples say, which is read once.

        Raises:
            TypeError: if data doesn't hold numbers.
            ValueError: if they are known already, data is empty, or it doesn't fit the layer.
        """
        op = f"{self._op}.adapt"
        if self._given["mean"] is not None:
            raise ValueError(f"{op}: mean and variance were given. Received: mean={self._given['mean']}.")
        count, mean, variance = 0, np.zeros(()), np.zeros(())
        for batch in _batches(op, data):
            x = as_float(op, "data", batch)
            if x.ndim == 0:
                raise TypeError(f"{op}: data must have arrays with a `.shape`, batch axis first. Received: {batch!r}.")
            try:
                self.build((None, *x.shape[1:]) if x.ndim > 1 else x.shape)
                self.check_input_shape(x.shape)
            except ValueError as error:
                raise ValueError(f"{op}: data with an incompatible shape. {error}") from None
            others = tuple(axis for axis in range(x.ndim) if axis not in self.input_axes)
            number = math.prod(x.shape[axis] for axis in others)
            if x.size == 0:
                continue
            # Chan, Golub and LeVeque, 1979: both parts' variances, and what their means are apart.
            share = number / (count + number)
            apart = x.mean(axis=others, dtype=np.float64) - mean
            within = x.var(axis=others, dtype=np.float64) - variance
            variance = variance + share * within + share * (1 - share) * apart**2
            mean = mean + share * apart
            count += number
        if count == 0:
            raise ValueError(f"{op}: data must not be empty, an empty iterable or array. Received: {type(data)}.")
        assert self.adapt_mean is not None
        assert self.adapt_variance is not None
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)

    def call(self, x: Array) -> Array:
        numbers = self._in_use()
        assert numbers is not None
        mean, variance = numbers
        deviation = np.maximum(np.sqrt(variance), config.epsilon())  # nothing is divided by zero where nothing varies
        return (
            ops.add(ops.multiply(x, deviation), mean) if self.invert else ops.divide(ops.subtract(x, mean), deviation)
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"axis": self.axis, "invert": self.invert} | self._given

    def _in_use(self) -> tuple[Array, Array] | None:
        if self.adapt_mean is None or self.adapt_variance is None:
            return self._known
        return self.adapt_mean.value.reshape(self._spread), self.adapt_variance.value.reshape(self._spread)

    def _fitted(self, name: str, numbers: Any, sizes: tuple[int, ...]) -> Array:
        """The argument as an array with a number for each place along the axes, of the input's rank."""
        array = as_float(self._op, name, np.asarray(numbers)).astype(self.dtype)
        try:
            return np.broadcast_to(array, sizes).reshape(self._spread)
        except ValueError:
            raise ValueError(
                f"{self._op}: {name} must fit the sizes {sizes} of inputs along axis {self.axis}. "
                f"Received: {name} of shape {array.shape}."
            ) from None


def _batches(op: str, data: Any) -> Iterator[Any]:
    """The arrays in what `adapt` was given: itself, or one batch after the other."""
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, Iterable):
        data = map(data.__getitem__, range(len(data)))  # as a PyDataset is
    if not isinstance(data, Iterable):
        raise TypeError(f"{op}: data must be an array or an iterable of arrays. Received: {data!r}.")
    rows = isinstance(data, list | tuple) and bool(data) and not are_several(data) and not isinstance(data[0], tuple)
    if isinstance(data, np.ndarray) or rows:
        yield data
        return
    for batch in data:
        yield batch[0] if isinstance(batch, tuple) else batch
