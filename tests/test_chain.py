"""Operations on each element in the core: their errors against float64, their limits, and chains of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from arrays import Array, normal
from pyconv import _core

Function = Callable[[Array], Array]
_erf: Function = np.vectorize(math.erf, otypes=[float])
_erfc: Function = np.vectorize(math.erfc, otypes=[float])


def _sigmoid(x: Array) -> Array:
    decay = np.exp(-np.abs(x))
    return np.where(x < 0, decay, 1) / (1 + decay)


def _softplus(x: Array) -> Array:
    positive: Array = np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    return positive


# In float64, and how many units in the last place of float32 the core may be off, as kernels/vector_math.h states them.
# Products of a function and x have half a unit more.
FUNCTIONS: dict[str, tuple[Function, float]] = {
    "sqrt": (np.sqrt, 0.5),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 1.5),
    "exp": (np.exp, 2),
    "log": (np.log, 2),
    "erf": (_erf, 3),
    "tanh": (np.tanh, 3),
    "sigmoid": (_sigmoid, 3),
    "silu": (lambda x: x * _sigmoid(x), 4),
    "gelu": (lambda x: x * _erfc(x * -math.sqrt(0.5)) / 2, 10),
    "softplus": (_softplus, 3),
    "softsign": (lambda x: x / (1 + np.abs(x)), 2),
    "mish": (lambda x: x * np.tanh(_softplus(x)), 5),
}


def _units(y: Array, right: Array) -> Array:
    """The error in units in the last place of the right result, as float32."""
    units: Array = np.abs(y - right) / np.spacing(np.abs(right).astype(np.float32)).astype(np.float64)
    return units


@pytest.mark.parametrize("op", sorted(FUNCTIONS))
def test_functions_are_good_to_the_digits_that_they_state(op: str, isa: str, rng: np.random.Generator) -> None:
    function, bound = FUNCTIONS[op]
    # Of all sizes, the subnormal ones too, and those between which most happens.
    sizes = np.exp2(rng.uniform(-148, 127, 2000))
    x = np.concatenate([sizes, -sizes, rng.uniform(-12, 12, 4000), rng.uniform(-86, 86, 1000)]).astype(np.float32)
    with np.errstate(all="ignore"):
        right = function(x.astype(np.float64))
        rounded = right.astype(np.float32)
    y = _core.element(op, x)
    # Where the result of a function is a subnormal number, its product with x has no more digits than that.
    usual = np.isfinite(rounded) & ((np.abs(rounded) > 1e-35) | (op not in ("silu", "gelu", "mish")) | (np.abs(x) < 1))
    assert _units(y[usual].astype(np.float64), right[usual]).max() <= bound
    np.testing.assert_array_equal(y[~np.isfinite(rounded)], rounded[~np.isfinite(rounded)])
    np.testing.assert_allclose(y, rounded, rtol=1e-4, atol=1e-40)


@pytest.mark.parametrize("op", sorted(FUNCTIONS))
def test_functions_in_float64(op: str, isa: str, rng: np.random.Generator) -> None:
    """The C library's own errors, of a unit each, are part of what is seen: ten units of the result."""
    x = np.concatenate([rng.uniform(-25, 25, 2000), rng.uniform(-1e-8, 1e-8, 100), [1e-310, 700, -700]])
    with np.errstate(all="ignore"):
        right = FUNCTIONS[op][0](x)
    # A rounding of the definition's x / sqrt(2) is x^2 of them in erfc.
    units = 10 + x * x if op == "gelu" else 10
    y = _core.element(op, x)
    np.testing.assert_array_less(np.abs(y - right), units * 2.0**-52 * np.abs(right) + 1e-307)


INF, NAN = math.inf, math.nan
LIMITS = {
    "relu": [0, INF, NAN],
    "leaky_relu": [-INF, INF, NAN],
    "clip": [0.5, 2, NAN],
    "abs": [INF, INF, NAN],
    "exp": [0, INF, NAN],
    "log": [NAN, INF, NAN],
    "sqrt": [NAN, INF, NAN],
    "erf": [-1, 1, NAN],
    "tanh": [-1, 1, NAN],
    "sigmoid": [0, 1, NAN],
    "hard_sigmoid": [0, 1, NAN],
    "elu": [-1, INF, NAN],
    "softplus": [0, INF, NAN],
    "max": [0.5, INF, NAN],
    "min": [-INF, 0.5, NAN],
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op", sorted(LIMITS))
def test_infinities_give_limits_and_nan_goes_through(op: Any, dtype: Any, isa: str) -> None:
    alpha, beta = (1.0, 1.0) if op == "elu" else (0.5, 2.0)
    y = _core.element(op, np.array([-INF, INF, NAN], dtype), alpha, beta)
    np.testing.assert_array_equal(y, np.array(LIMITS[op], dtype))


def test_ends_of_exp_and_log(isa: str) -> None:
    x = np.array([-104, -103.97, -88, 88.72, 88.73, 0.0, -0.0], np.float32)
    with np.errstate(over="ignore"):
        right = np.exp(x.astype(np.float64)).astype(np.float32)
    np.testing.assert_array_equal(_core.element("exp", x)[[0, 1, 4, 5, 6]], right[[0, 1, 4, 5, 6]])
    np.testing.assert_array_equal(_core.element("log", np.array([0.0, -0.0, 1.0])), [-INF, -INF, 0])


SECOND = {
    "tensor": lambda n, p, c: (n, p, c),
    "channels": lambda n, p, c: (c,),
    "image_channels": lambda n, p, c: (n, c),
    "pixels": lambda n, p, c: (n, p),
}
BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "sub": np.subtract,
    "rsub": lambda x, y: y - x,
    "mul": np.multiply,
    "div": np.divide,
    "rdiv": lambda x, y: y / x,
    "max": np.maximum,
    "min": np.minimum,
}


def _as_tensor(y: Array, operand: str) -> Array:
    return {"channels": lambda: y, "image_channels": lambda: y[:, None], "pixels": lambda: y[:, :, None]}.get(
        operand, lambda: y
    )()


# A block is 1024 floats: less than one, whole rows of several, pieces of one.
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 7), (2, 300, 24), (3, 2, 1500), (2, 0, 4), (0, 3, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_chains_of_every_kind_of_operand(shape: Any, dtype: Any, isa: str, threads: int) -> None:
    rng = np.random.default_rng(3)
    x = normal(rng, shape, dtype)
    links: list[Any] = []
    operands, right = [], x
    for op, function in BINARY.items():
        for operand, shape_of in SECOND.items():
            y = (rng.uniform(0.5, 2, shape_of(*shape)) * rng.choice([-1, 1])).astype(dtype)
            links.append((op, operand, 0.0, 0.0))
            operands.append(y)
            right = function(right, _as_tensor(y, operand))
        links += [(op, "number", 0.75, 0.0), ("clip", "none", -4.0, 3.0), ("leaky_relu", "none", 0.5, 0.0)]
        right = function(right, np.asarray(0.75, dtype)).clip(-4, 3)
        right = np.where(right < 0, right * np.asarray(0.5, dtype), right)
    chain = _core.Chain(dtype, *shape, links)
    y = chain.run(x, operands)
    np.testing.assert_array_equal(y, right)
    place = operands[0]  # in place of a tensor, and of the source
    np.testing.assert_array_equal(chain.run(x, operands, place), right)
    operands[0] = x.copy()
    again = chain.run(x, operands)
    np.testing.assert_array_equal(chain.run(x, [x, *operands[1:]], x), again)


def test_what_a_chain_is_not_made_of() -> None:
    def made(*links: Any, sizes: Any = (1, 2, 3)) -> Any:
        return _core.Chain("float32", *sizes, list(links))

    for links, words in (
        ([], "1 to 64 links"),
        ([("tan", "none", 0.0, 0.0)], "op must be one of"),
        ([("add", "rows", 0.0, 0.0)], "operand must be one of"),
        ([("add", "none", 0.0, 0.0)], "must have an operand"),
        ([("relu", "tensor", 0.0, 0.0)], "must have an operand"),
    ):
        with pytest.raises(ValueError, match=words):
            made(*links)
    with pytest.raises(ValueError, match="sizes must be at least 0"):
        made(("relu", "none", 0.0, 0.0), sizes=(2**40, 2**40, 1))
    chain = made(("add", "tensor", 0.0, 0.0))
    x = np.zeros((1, 2, 3), np.float32)
    for operands in ([], [x, x], [x[:, :1]]):
        with pytest.raises(ValueError, match=r"operand"):
            chain.run(x, operands)
    with pytest.raises(TypeError, match="float32"):
        chain.run(x, [x.astype(np.float64)])
