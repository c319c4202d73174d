"""A layer's weight: a named array that an optimizer may update. Not an array type of its own."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from pyconv import _core, changes
from pyconv.gradient import recording
from pyconv.operators import NO_GRADIENTS, Operators, code

# How many plans' packed copies a variable keeps, each as large as the weight itself. A plan belongs to one shape of
# input: that of training, the last and smaller batch, one image alone, and one to spare.
_KEPT_PACKED = 4


class Variable(Operators):
    """A weight with a name, a shape and a value that is replaced in place.

    The value is changed by `assign` and within `writing` alone, so that what has been derived from it, weights packed
    for the core, can be dropped then. Any number of threads may read a variable while none changes it.

    Args:
        value: the initial value, copied.
        dtype: its dtype; that of `value` by default.
        trainable: whether `fit` updates it.
        name: the weight's name, "kernel" or "bias" say.
        regularizer: what `fit` adds to the loss for it, see `pyconv.regularizers`; None for nothing.
        constraint: what an optimizer makes of the new value after each step, see `pyconv.constraints`.

    Example:
    >>> from pyconv import Variable
    >>> bias = Variable([0.0, 0.0], dtype="float32", name="bias")
    >>> bias.assign([1.0, 2.0])
    >>> with bias.writing() as array:
    ...     array *= 2
    >>> bias.numpy()
    array([2., 4.], dtype=float32)
    """

    def __init__(
        self,
        value: ArrayLike,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        name: str = "variable",
        regularizer: Callable[..., Any] | None = None,
        constraint: Callable[..., Any] | None = None,
    ) -> None:
        self._array: NDArray[Any] = np.array(value, dtype=dtype, order="C")
        self._value = self._array.view()
        self._value.flags.writeable = False
        self._version = 0
        self._packed: Any = None  # the function that packs and remembers, made when it is asked for
        self.last_use: Any = None  # how the last convolution with it ran, for the next: pyconv.ops.conv's alone
        self.trainable = trainable
        self.name = name
        self.path = name  # in a layer: the layer's name, "/" and its own
        self.regularizer = regularizer
        self.constraint = constraint

    @property
    def value(self) -> NDArray[Any]:
        """The value as a read-only array that shows every change; always the same object, as a `Tape` needs it."""
        return self._value

    @property
    def version(self) -> int:
        """A number that changes whenever the value may have changed."""
        return self._version

    @property
    def shape(self) -> tuple[int, ...]:
        return self._value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._value.dtype

    @property
    def ndim(self) -> int:
        return self._value.ndim

    @property
    def size(self) -> int:
        return self._value.size

    def __len__(self) -> int:
        return len(self._value)

    def numpy(self) -> NDArray[Any]:
        """A copy of the value."""
        return self._array.copy()

    def assign(self, value: ArrayLike) -> None:
        """Replaces the value; raises ValueError when the shape differs."""
        array = self._fitting("assign", value)
        with self.writing() as mine:
            mine[...] = array

    def assign_add(self, value: ArrayLike) -> None:
        """Adds to the value; raises ValueError when the shape differs."""
        array = self._fitting("assign_add", value)
        with self.writing() as mine:
            np.add(mine, array.astype(self.dtype, copy=False), out=mine)

    def assign_sub(self, value: ArrayLike) -> None:
        """Subtracts from the value; raises ValueError when the shape differs."""
        array = self._fitting("assign_sub", value)
        with self.writing() as mine:
            np.subtract(mine, array.astype(self.dtype, copy=False), out=mine)

    @contextlib.contextmanager
    def writing(self) -> Iterator[NDArray[Any]]:
        """The array itself, to be changed in place within the `with` block and not after it."""
        try:
            yield self._array
        finally:
            self._note_change()

    def _note_change(self) -> None:
        # After the change, and no cache rather than a cleared one: a thread that packed old numbers meanwhile puts
        # them where nobody looks any more. The next is made when it is asked for, in training never.
        self._version += 1
        self._packed = None
        changes.note()

    def packed(self, plan: _core.ConvPlan) -> _core.PackedWeights:
        """The value packed for a plan; packed once and kept until the value changes, for the last four plans."""
        copies = self._packed
        if copies is None:
            copies = self._packed = _packed_copies(self._value)
        weights: _core.PackedWeights = copies(plan)
        return weights

    def _fitting(self, method: str, value: ArrayLike) -> NDArray[Any]:
        array = np.asarray(value)
        if array.shape != self.shape:
            raise ValueError(
                f"Variable.{method}: value must have the shape of {self.name}, {self.shape}. "
                f"Received: value.shape={array.shape}"
            )
        return array

    def __reduce__(self) -> tuple[Any, ...]:
        # For pickle and copy: the packed copies stay here, a plan holds memory of this process.
        arguments = (self._array, None, self.trainable, self.name, self.regularizer, self.constraint)
        return type(self), arguments, {"path": self.path}

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if code.is_own and recording():
            raise TypeError(NO_GRADIENTS)
        array = self._value if dtype is None else self._value.astype(dtype, copy=False)
        if copy is False and array is not self._value:
            raise ValueError(f"Variable: {self.name} of dtype {self.dtype} can't become {dtype} without a copy.")
        return array.copy() if copy and array is self._value else array

    def __repr__(self) -> str:
        return f"<Variable name={self.name}, shape={self.shape}, dtype={self.dtype}>"


@contextlib.contextmanager
def written(*variables: Variable | None) -> Iterator[list[Any]]:
    """`Variable.writing` of several at once; None stays None."""
    present = [variable for variable in variables if variable is not None]
    try:
        yield [None if variable is None else variable._array for variable in variables]
    finally:
        for variable in present:
            variable._note_change()


def _packed_copies(value: NDArray[Any]) -> Callable[[_core.ConvPlan], _core.PackedWeights]:
    """A function plan -> packed value that remembers its last results; lru_cache may be called from many threads."""

    @functools.lru_cache(maxsize=_KEPT_PACKED)
    def packed(plan: _core.ConvPlan) -> _core.PackedWeights:
        # Dense and depthwise kernels have the numbers of the plan's weights, in the same order, in another shape.
        return plan.pack(value.reshape(plan.weights_shape))

    return packed
