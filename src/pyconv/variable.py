"""A layer's weight: a named array that an optimizer may update. Not an array type of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray


class Variable:
    """A weight with a name, a shape and a value that is replaced in place.

    Args:
        value: the initial value, copied.
        dtype: its dtype; that of `value` by default.
        trainable: whether `fit` updates it.
        name: the weight's name, "kernel" or "bias" say.

    Example:
    >>> from pyconv import Variable
    >>> bias = Variable([0.0, 0.0], dtype="float32", name="bias")
    >>> bias.assign([1.0, 2.0])
    >>> bias.numpy()
    array([1., 2.], dtype=float32)
    """

    def __init__(
        self,
        value: ArrayLike,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        name: str = "variable",
    ) -> None:
        self.value: NDArray[Any] = np.array(value, dtype=dtype, order="C")
        self.trainable = trainable
        self.name = name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.value.dtype

    def numpy(self) -> NDArray[Any]:
        """A copy of the value."""
        return self.value.copy()

    def assign(self, value: ArrayLike) -> None:
        """Replaces the value; raises ValueError when the shape differs."""
        array = np.asarray(value)
        if array.shape != self.shape:
            raise ValueError(
                f"Variable.assign: value must have the shape of {self.name}, {self.shape}. "
                f"Received: value.shape={array.shape}"
            )
        self.value[...] = array

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        array = self.value if dtype is None else self.value.astype(dtype, copy=False)
        if copy is False and array is not self.value:
            raise ValueError(f"Variable: {self.name} of dtype {self.dtype} can't become {dtype} without a copy.")
        return array.copy() if copy and array is self.value else array

    def __repr__(self) -> str:
        return f"<Variable name={self.name}, shape={self.shape}, dtype={self.dtype}>"
