"""Arrays as nobody likes to get them: the same numbers in awkward memory. No operation is called here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Array = NDArray[Any]
Rng = np.random.Generator


def spread(x: Array) -> Array:
    """Every second element of a larger array along each axis."""
    buffer = np.full([2 * n + 1 for n in x.shape], 99, x.dtype)
    view = buffer[tuple(slice(1, 2 * n + 1, 2) for n in x.shape)]
    view[...] = x
    return view


def backwards(x: Array) -> Array:
    """All strides negative."""
    turn = (slice(None, None, -1),) * x.ndim
    return x[turn].copy(order="C")[turn]


def misaligned(x: Array) -> Array:
    """One byte off what the dtype asks for."""
    buffer = np.empty(x.nbytes + 1, np.uint8)
    view: Array = np.ndarray(x.shape, x.dtype, buffer.data, offset=1)
    view[...] = x
    return view


def read_only(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


def overlapping(x: Array) -> Array:
    """A view whose elements share memory: each row begins one element after the one before it.

    The numbers are others than those of x; what is compared with reads them from the view.
    """
    if x.ndim == 0 or x.size == 0:
        return x
    strides = (x.itemsize,) * x.ndim
    row = np.resize(x.ravel(), sum(n - 1 for n in x.shape) + 1)
    return as_strided(row, x.shape, strides)


def huge_strides(x: Array) -> Array:
    """Axes of one element, or of none, with strides beyond all memory: NumPy allows them, for nobody steps there."""
    strides = [2**62 if n <= 1 else s for n, s in zip(x.shape, x.strides, strict=True)]
    return as_strided(x, x.shape, strides)


FORMS: dict[str, Callable[[Array], Array]] = {
    "plain": lambda x: x,
    "columns first": np.asfortranarray,
    "spread": spread,
    "backwards": backwards,
    "misaligned": misaligned,
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "read-only": read_only,
    "overlapping": overlapping,
    "huge strides": huge_strides,
    "broadcast": lambda x: np.broadcast_to(x[:1], x.shape) if x.ndim and len(x) else x,
}
DTYPES = ("float32", "float64", "float16", "int8", "uint8", "int64", "uint16", "bool", "longdouble")


def whole(rng: Rng, shape: tuple[int, ...]) -> Array:
    return rng.integers(-4, 5, shape).astype(np.float64)


def normal(rng: Rng, shape: tuple[int, ...]) -> Array:
    return rng.standard_normal(shape)


def subnormal(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Numbers below the smallest normal float32, half of them, among ordinary ones."""
    return np.where(rng.random(shape) < 0.5, rng.standard_normal(shape) * 1e-40, rng.standard_normal(shape))


def large(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Of very different sizes, up to 1e12: sums and products of some hundred stay far from float32's end."""
    return rng.standard_normal(shape) * 10.0 ** rng.integers(-12, 13, shape)


def special(rng: Rng, shape: tuple[int, ...]) -> Array:
    """Infinities and NaNs, one in twenty."""
    x = rng.standard_normal(shape)
    return np.where(rng.random(shape) < 0.05, rng.choice([np.inf, -np.inf, np.nan], shape), x)


KINDS: dict[str, Callable[[Rng, tuple[int, ...]], Array]] = {
    "whole": whole,
    "normal": normal,
    "subnormal": subnormal,
    "large": large,
    "special": special,
}
FINITE = ("whole", "normal", "subnormal", "large")


@st.composite
def shapes(draw: st.DrawFn, least: int = 0, most: int = 4, longest: int = 7) -> tuple[int, ...]:
    return tuple(draw(st.lists(st.integers(0, longest), min_size=least, max_size=most)))


@st.composite
def arrays(
    draw: st.DrawFn,
    shape: tuple[int, ...] | None = None,
    kinds: tuple[str, ...] = tuple(KINDS),
    dtypes: tuple[str, ...] = DTYPES,
) -> Array:
    """An array of any dtype and form. Dtypes without infinities get whole numbers."""
    if shape is None:
        shape = draw(shapes())
    dtype = draw(st.sampled_from(dtypes))
    kind = draw(st.sampled_from(kinds)) if dtype in ("float32", "float64", "longdouble") else "whole"
    x = KINDS[kind](np.random.default_rng(draw(st.integers(0, 2**32))), shape)
    if dtype.startswith("u"):
        x = abs(x)
    form = draw(st.sampled_from(tuple(FORMS)))
    with np.errstate(all="ignore"):
        x = np.asarray(x).astype(dtype)
    return np.asarray(FORMS[form](x) if shape else x)  # a number alone has no form, and NumPy makes it a scalar
