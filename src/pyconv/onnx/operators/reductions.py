"""Sums, means and extrema along axes, and where the extrema are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx.operators.floats import as_dtype_of
from pyconv.onnx.operators.windows import Sizes
from pyconv.onnx.registry import operator

Reduction = Callable[[Array, tuple[int, ...], bool], Any]


def _wide(x: Array) -> Array:
    """For sums: NumPy adds rows one by one, and over many of them float32 would lose digits."""
    return x.astype(np.float64) if x.dtype.kind == "f" else x


def _extremum(function: Any, name: str) -> Reduction:
    def reduce(x: Array, axes: tuple[int, ...], keep: bool) -> Any:
        # Nothing at all has the extremum that any number beats.
        low, high = (-np.inf, np.inf) if x.dtype.kind == "f" else (False, True)
        if x.dtype.kind in "iu":
            low, high = np.iinfo(x.dtype).min, np.iinfo(x.dtype).max
        return function(x, axis=axes, keepdims=keep, initial=low if name == "max" else high)

    return reduce


def _log_sum_exp(x: Array, axes: tuple[int, ...], keep: bool) -> Any:
    wide = _wide(x)
    largest = wide.max(axes, keepdims=True, initial=-np.inf)
    largest = np.where(np.isfinite(largest), largest, 0)
    y = np.log(np.exp(wide - largest).sum(axes, keepdims=True)) + largest
    return y if keep else y.squeeze(axes)


_REDUCTIONS: dict[str, Reduction] = {
    "ReduceL1": lambda x, axes, keep: np.abs(_wide(x)).sum(axes, keepdims=keep),
    "ReduceL2": lambda x, axes, keep: np.sqrt(np.square(_wide(x)).sum(axes, keepdims=keep)),
    "ReduceLogSum": lambda x, axes, keep: np.log(_wide(x).sum(axes, keepdims=keep)),
    "ReduceLogSumExp": _log_sum_exp,
    "ReduceMax": _extremum(np.max, "max"),
    "ReduceMean": lambda x, axes, keep: x.mean(axes, np.float64, keepdims=keep),
    "ReduceMin": _extremum(np.min, "min"),
    "ReduceProd": lambda x, axes, keep: _wide(x).prod(axes, keepdims=keep),
    "ReduceSum": lambda x, axes, keep: x.sum(axes, np.float64 if x.dtype.kind == "f" else None, keepdims=keep),
    "ReduceSumSquare": lambda x, axes, keep: np.square(_wide(x)).sum(axes, keepdims=keep),
}


def _reduction(name: str, function: Reduction) -> None:
    def reduced(x: Array, axes: Any, keepdims: int, noop: int) -> Array:
        if axes is None or len(axes) == 0:
            axes = () if noop else range(x.ndim)
        return as_dtype_of(np.asarray(function(x, tuple(range(x.ndim)[axis] for axis in axes), bool(keepdims))), x)

    @operator(name, since=13 if name == "ReduceSum" else 18, layout="reduction")
    def by_input(x: Array, axes: Array | None = None, *, keepdims: int = 1, noop_with_empty_axes: int = 0) -> Array:
        return reduced(x, None if axes is None else axes.ravel().tolist(), keepdims, noop_with_empty_axes)

    @operator(name, layout="reduction")
    def by_attribute(x: Array, *, axes: Sizes = None, keepdims: int = 1) -> Array:
        return reduced(x, axes, keepdims, 0)


for _name, _function in _REDUCTIONS.items():
    _reduction(_name, _function)


def _place_of(name: str, function: Callable[[Array, int], Array]) -> None:
    @operator(name)
    def place(x: Array, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Array:
        found = function(np.flip(x, axis) if select_last_index else x, axis)
        if select_last_index:
            found = x.shape[axis] - 1 - found
        return np.expand_dims(found, axis) if keepdims else found


_place_of("ArgMax", lambda x, axis: x.argmax(axis))
_place_of("ArgMin", lambda x, axis: x.argmin(axis))


def _cumulative(name: str, function: Any) -> None:
    @operator(name)
    def running(x: Array, axis: Array, *, exclusive: int = 0, reverse: int = 0) -> Array:
        place = range(x.ndim)[axis.item()]
        line = np.moveaxis(np.flip(x, place) if reverse else x, place, 0)
        y = function(line, 0, x.dtype)
        if exclusive:
            y = np.concatenate([np.full_like(y[:1], name == "CumProd"), y[:-1]])
        y = np.moveaxis(y, 0, place)
        return np.flip(y, place) if reverse else y


_cumulative("CumSum", np.cumsum)
_cumulative("CumProd", np.cumprod)
