"""Data for tests. Small integers, on which float arithmetic is exact in any order, and normal numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from problems import Problem

Array = NDArray[Any]


def integers(rng: np.random.Generator, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> Array:
    """Integers of [-4, 4]: products are at most 16, so float32 sums of 2**24 / 16, a million of them, are exact."""
    return rng.integers(-4, 5, shape).astype(dtype)


def normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> Array:
    return rng.standard_normal(shape).astype(dtype)


def relative_error(actual: Array, expected: Array) -> float:
    """|actual - expected| / |expected| in the Euclidean norm; 0 for equal arrays, also for empty ones and zeros."""
    distance = np.linalg.norm(actual.astype(np.float64).ravel() - expected.ravel())
    return float(distance / np.linalg.norm(expected.ravel())) if distance else 0.0


def conv_shapes(problem: Problem) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """The shapes of x, kernel, bias and y."""
    assert problem.out_channels is not None
    x = (problem.batch, *problem.input_size, problem.in_channels)
    kernel = (*problem.kernel_size, problem.in_channels // problem.groups, problem.out_channels)
    y = (problem.batch, *problem.output_size, problem.out_channels)
    return x, kernel, (problem.out_channels,), y


def _unaligned(x: Array) -> Array:
    buffer = np.empty(x.nbytes + 1, np.uint8)
    y: Array = buffer[1:].view(x.dtype) if x.itemsize == 1 else np.ndarray(x.shape, x.dtype, buffer.data, offset=1)
    y = y.reshape(x.shape)
    y[...] = x
    return y


def _read_only(x: Array) -> Array:
    y = x.copy()
    y.flags.writeable = False
    return y


def _strided(x: Array) -> Array:
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


# The same numbers as users may have them in memory.
LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "contiguous": np.ascontiguousarray,
    "fortran": np.asfortranarray,
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
    "reversed": lambda x: np.flip(np.flip(x).copy()),
    "strided": _strided,
    "byte_swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "unaligned": _unaligned,
    "read_only": _read_only,
}
