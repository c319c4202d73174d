"""Layers that make one array of several: sums, products, extremes, concatenation. In one file, they are so short."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, ClassVar

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.layer import Layer, Shape
from pyconv.ops.geometry import axis_tuple, integer


class BaseMerge(Layer):
    """A layer of two inputs or more, of shapes that can be broadcast, element by element."""

    supports_masking = True

    operation: ClassVar[str]

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)

    def call(self, x: Sequence[Array]) -> Array:
        if len(x) == 1:
            return ops.multiply(x[0], 1)  # a new array, as the tape needs it
        return functools.reduce(getattr(ops, self.operation), x)

    def check_input_shape(self, shape: Any) -> None:
        if not isinstance(shape, list):
            raise ValueError(
                f"{self._op}: a merge layer should be called on a list of inputs. Received: inputs.shape={shape}."
            )

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shapes = _shapes(input_shape)
        self.check_input_shape(shapes)
        sizes = [
            self._common([shape[-place] for shape in shapes if len(shape) >= place], shapes)
            for place in range(max(len(shape) for shape in shapes), 0, -1)
        ]
        return tuple(sizes)

    def _common(self, sizes: list[int | None], shapes: Any) -> int | None:
        """The size that all are broadcast to; an unknown one may turn out to be any."""
        longer = {size for size in sizes if size not in (1, None)}
        if len(longer) > 1:
            raise ValueError(f"{self._op}: inputs have incompatible shapes, can't be broadcast. Received: {shapes}.")
        return next(iter(longer), None if None in sizes else 1)


class Add(BaseMerge):
    """The sum of its inputs.

    Args:
        **kwargs: name, dtype, trainable.

    Raises:
        ValueError: if the inputs' shapes can't be broadcast.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Add
    >>> Add()([np.array([1.0, 2.0]), np.array([10.0, 20.0])])
    array([11., 22.], dtype=float32)
    """

    operation = "add"


class Multiply(BaseMerge):
    """The product of its inputs, element by element. Args and errors as in `Add`."""

    operation = "multiply"


class Maximum(BaseMerge):
    """The largest of its inputs, element by element. Args and errors as in `Add`."""

    operation = "maximum"


class Minimum(BaseMerge):
    """The smallest of its inputs, element by element. Args and errors as in `Add`."""

    operation = "minimum"


class Average(BaseMerge):
    """The mean of its inputs, element by element. Args and errors as in `Add`."""

    operation = "add"

    def call(self, x: Sequence[Array]) -> Array:
        return ops.multiply(super().call(x), 1 / len(x))


class Subtract(BaseMerge):
    """The first of its two inputs minus the second. Args and errors as in `Add`."""

    operation = "subtract"

    def check_input_shape(self, shape: Any) -> None:
        super().check_input_shape(shape)
        if len(shape) != 2:
            raise ValueError(f"{self._op}: a subtraction needs exactly 2 inputs. Received: {len(shape)} inputs.")


class Concatenate(Layer):
    """Its inputs one behind the other along an axis.

    Args:
        axis: the axis.
        **kwargs: name, dtype, trainable.

    Raises:
        TypeError: if axis isn't an integer.
        ValueError: if the inputs have no such axis, or differ along another one.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Concatenate
    >>> Concatenate()([np.zeros((2, 4, 4, 3)), np.zeros((2, 4, 4, 5))]).shape
    (2, 4, 4, 8)
    """

    supports_masking = True

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        settings.keep(self, locals())
        self.axis = integer(self._op, "axis", axis, minimum=-64)

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)

    def call(self, x: Sequence[Array]) -> Array:
        return ops.concatenate(x, self.axis)

    def check_input_shape(self, shape: Any) -> None:
        if not isinstance(shape, list):
            raise ValueError(f"{self._op}: should be called on a list of inputs. Received: inputs.shape={shape}.")

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shapes = _shapes(input_shape)
        self.check_input_shape(shapes)
        (place,) = axis_tuple(self._op, self.axis, len(shapes[0]))
        sizes: list[int | None] = []
        for axis, along in enumerate(zip(*shapes, strict=True) if len({len(s) for s in shapes}) == 1 else ()):
            known = [size for size in along if size is not None]
            if axis == place:
                sizes.append(sum(known) if len(known) == len(along) else None)
            elif len(set(known)) > 1:
                break
            else:
                sizes.append(next(iter(known), None))
        if len(sizes) < len(shapes[0]):
            raise ValueError(
                f"{self._op}: inputs must have matching shapes except for the concatenation axis {self.axis}. "
                f"Received: {shapes}."
            )
        return tuple(sizes)


def _shapes(input_shape: Any) -> Any:
    """A list of shapes as one; Keras also writes it as a tuple."""
    several = isinstance(input_shape, tuple) and input_shape and isinstance(input_shape[0], list | tuple)
    return list(input_shape) if several else input_shape


def add(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """`Add` at once."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """`Subtract` at once."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """`Multiply` at once."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """`Average` at once."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """`Maximum` at once."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """`Minimum` at once."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """`Concatenate` at once."""
    return Concatenate(axis, **kwargs)(inputs)
