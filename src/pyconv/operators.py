"""Python's operators for objects that stand for an array, computed by `pyconv.ops` so that gradients are noted.

Weights, symbolic tensors and `TracedArray` share them. Plain NumPy arrays have NumPy's, which no tape sees.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyconv import tree
from pyconv.gradient import recording

P = ParamSpec("P")
R = TypeVar("R")


def _apply(name: str, *arguments: Any) -> Any:
    # Imported late: the operations themselves accept the objects that have these operators.
    return getattr(importlib.import_module("pyconv.ops"), name)(*arguments)


NO_GRADIENTS = (
    "NumPy leaves no gradients: use the functions of pyconv.ops inside call and in losses, or x.numpy() where no "
    "gradient is wanted."
)


class Operators:
    """A mixin: `x + y` is `ops.add(x, y)`, and so on, also where x is a number or a NumPy array."""

    __array_ufunc__ = None  # so that `array + x` asks x rather than makes an array of it

    def __add__(self, other: Any) -> Any:
        return _apply("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return _apply("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return _apply("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return _apply("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return _apply("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return _apply("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return _apply("true_divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _apply("true_divide", other, self)

    def __pow__(self, other: Any) -> Any:
        return _apply("power", self, other)

    def __rpow__(self, other: Any) -> Any:
        return _apply("power", other, self)

    def __matmul__(self, other: Any) -> Any:
        return _apply("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return _apply("matmul", other, self)

    def __neg__(self) -> Any:
        return _apply("negative", self)

    def __abs__(self) -> Any:
        return _apply("absolute", self)

    def __getitem__(self, key: Any) -> Any:
        return _apply("get_item", self, key)


class TracedArray(Operators):
    """An array on its way through somebody's `call` or loss while a tape records: its operators leave notes.

    Layers and operations that are given one give one back. `value` is the array. Comparisons give plain arrays, for no
    gradient goes through them; NumPy's functions refuse it while a tape records.
    """

    def __init__(self, value: NDArray[Any]) -> None:
        self.value = value

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.value.dtype

    @property
    def ndim(self) -> int:
        return self.value.ndim

    def numpy(self) -> NDArray[Any]:
        """A copy of the value, which no gradient goes through."""
        return self.value.copy()

    def __len__(self) -> int:
        return len(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __format__(self, form: str) -> str:
        return format(self.value.item() if self.ndim == 0 else self.value, form)

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        return self.value == value_of(other)

    def __ne__(self, other: object) -> Any:
        return self.value != value_of(other)

    def __lt__(self, other: Any) -> Any:
        return self.value < value_of(other)

    def __le__(self, other: Any) -> Any:
        return self.value <= value_of(other)

    def __gt__(self, other: Any) -> Any:
        return self.value > value_of(other)

    def __ge__(self, other: Any) -> Any:
        return self.value >= value_of(other)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if recording():
            raise TypeError(NO_GRADIENTS)
        array = np.asarray(self.value, dtype)
        return array.copy() if copy and array is self.value else array

    def __repr__(self) -> str:
        return f"<TracedArray shape={self.shape}, dtype={self.dtype}>"


class Code(threading.local):
    """Whose code runs in this thread: in that of somebody's own layer all results are traced while a tape records."""

    is_own = False

    @contextlib.contextmanager
    def of(self, is_own: bool) -> Iterator[None]:
        """Runs the `with` block as somebody's own code, or as pyconv's, which uses no operators on arrays."""
        outer, self.is_own = self.is_own, is_own
        try:
            yield
        finally:
            self.is_own = outer


code = Code()


def with_traced(function: Callable[P, R]) -> Callable[P, R]:
    """A function of arrays that takes and gives TracedArrays where somebody's own code uses it while a tape records."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Any:
        if not recording():
            return function(*args, **kwargs)
        is_own = code.is_own or any(isinstance(leaf, TracedArray) for leaf in tree.flatten((args, kwargs)))
        if not is_own:
            return function(*args, **kwargs)
        args, kwargs = tree.map_structure(value_of, (args, kwargs))
        with code.of(is_own=False):
            result = function(*args, **kwargs)
        return tree.map_structure(traced, result)

    return wrapped


class OwnFunction:
    """Somebody's own function of an array, an activation say: while a tape records its operators leave notes."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, x: Any) -> Any:
        return self.function(x) if isinstance(x, TracedArray) else value_of(self.function(traced(x)))


def traced(x: Any) -> Any:
    """An array as a TracedArray where a tape records; anything else as it is."""
    return TracedArray(x) if isinstance(x, np.ndarray) and recording() else x


def value_of(x: Any) -> Any:
    """The array that a TracedArray stands for; anything else as it is."""
    return x.value if isinstance(x, TracedArray) else x
