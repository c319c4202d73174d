"""The sum of two arrays: by the core's threads, into memory kept for results, where that pays. Broadcasts nothing."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyconv import _core
from pyconv.results import empty

Array = NDArray[Any]

# Fewer bytes NumPy adds as fast: 256 KB in half the time, 1 MB in about the same.
_LEAST_BYTES = 1 << 20


def total(a: Array, b: Array, out: Array | None = None) -> Array:
    """The sum of two arrays of one shape and dtype; out may be one of them.

    Example:
    >>> import numpy as np
    >>> from pyconv.addition import total
    >>> total(np.ones(2), np.array([1.0, 2.0]))
    array([2., 3.])
    """
    if a.nbytes < _LEAST_BYTES or not (_is_plain(a) and _is_plain(b)):
        if out is None and _is_plain(a):
            out = empty(a.shape, a.dtype)
        return np.asarray(np.add(a, b, out=out))
    chain = _chain(_core.get_isa(), a.dtype.name, a.size)
    flat = (1, 1, a.size)
    return chain.run(a.reshape(flat), [b.reshape(flat)], None if out is None else out.reshape(flat)).reshape(a.shape)


@functools.lru_cache(maxsize=64)
def _chain(isa: str, dtype: Any, size: int) -> _core.Chain:
    return _core.Chain(dtype, 1, 1, size, [("add", "tensor", 0.0, 0.0)])


def _is_plain(x: Array) -> bool:
    return x.flags.c_contiguous and x.flags.aligned and x.dtype.name in ("float32", "float64")
