"""What the fuzzer asks of each operation: arguments drawn at random, and the truth in float64. Images: image_cases.py.

A case is a strategy of `Case`. A tolerance is a number of roundings, each half a unit in the last place of what was
rounded; where many numbers are added it is that of the sum of their sizes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from fuzz.hostile_arrays import FINITE, Array, arrays, shapes
from pyconv import ops


class Case(NamedTuple):
    """An operation's arguments, and the function of arrays in float64 that it should be.

    Attributes:
        arrays: the arguments that are arrays, by name.
        settings: the others.
        truth: given the arrays in float64, the result, and how large the numbers are whose roundings it may show.
        roundings: how many units in the last place of that size the result may be off.
    """

    op: str
    arrays: dict[str, Array]
    settings: dict[str, Any]
    truth: Callable[..., tuple[Array, Array]]
    roundings: float


def itself(function: Callable[..., Any]) -> Callable[..., tuple[Array, Array]]:
    """A truth whose roundings are those of the result itself."""

    def truth(**given: Array) -> tuple[Array, Array]:
        y = function(*given.values())
        return y, np.abs(y)

    return truth


def _softplus(x: Array) -> Array:
    return np.logaddexp(x, 0)


def _erf(x: Array) -> Array:
    return np.vectorize(math.erf, otypes=[float])(x)


def _sigmoid(x: Array) -> Array:
    return np.exp(-_softplus(-x))


def _gate(x: Array, gate: Array) -> Array:
    """X * gate, and 0 where the gate is closed whatever x."""
    return np.where(gate == 0, np.where(np.isnan(x), x, 0.0), x * gate)


def _where_not_nan(x: Array, y: Any) -> Array:
    return np.where(np.isnan(x), x, y)


# Functions of one array: the truth, and roundings, each of which is of numbers as large as 1 and the result.
UNARY: dict[str, tuple[Callable[[Array], Array], float]] = {
    "absolute": (np.abs, 0),
    "celu": (lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), 4),
    "elu": (lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), 4),
    "exp": (np.exp, 4),
    "gelu": (lambda x: _gate(x, 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * x * (1 + 0.044715 * x * x)))), 16),
    "hard_shrink": (lambda x: _where_not_nan(x, np.where(np.abs(x) > 0.5, x, 0)), 0),
    "hard_sigmoid": (lambda x: np.clip(x / 6 + 0.5, 0, 1), 4),
    "hard_silu": (lambda x: _gate(x, np.clip(x / 6 + 0.5, 0, 1)), 8),
    "hard_tanh": (lambda x: np.clip(x, -1, 1), 0),
    "leaky_relu": (lambda x: np.where(x > 0, x, 0.2 * x), 2),
    "log_sigmoid": (lambda x: -_softplus(-x), 4),
    "mish": (lambda x: _gate(x, np.tanh(_softplus(x))), 16),
    "negative": (np.negative, 0),
    "relu": (lambda x: np.maximum(x, 0), 0),
    "relu6": (lambda x: np.clip(x, 0, 6), 0),
    "selu": (lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))), 8),
    "sigmoid": (_sigmoid, 4),
    "silu": (lambda x: _gate(x, _sigmoid(x)), 8),
    "soft_shrink": (lambda x: _where_not_nan(x, np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)), 4),
    "softplus": (_softplus, 4),
    "softsign": (lambda x: x / (1 + np.abs(x)), 4),
    "sparse_plus": (lambda x: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4)), 4),
    "sparse_sigmoid": (lambda x: np.clip((x + 1) / 2, 0, 1), 4),
    "square": (np.square, 2),
    "squareplus": (lambda x: 0.5 * (x + np.sqrt(x * x + 4)), 8),
    "tanh": (np.tanh, 4),
    "tanh_shrink": (lambda x: x - np.tanh(x), 4),
}
# Where an infinity meets another, or a formula multiplies it by nought, the limit isn't promised.
_FINITE_ONLY = {
    "softsign",
    "squareplus",
    "sparse_plus",
    "tanh_shrink",
    "gelu",
    "silu",
    "mish",
    "hard_silu",
    "soft_shrink",
}


@st.composite
def unary(draw: st.DrawFn) -> Case:
    op = draw(st.sampled_from(sorted(UNARY)))
    function, roundings = UNARY[op]
    x = draw(arrays(kinds=FINITE) if op in _FINITE_ONLY else arrays())

    def truth(x: Array) -> tuple[Array, Array]:
        y = function(x)
        # Differences of numbers of the size of x or 1 keep an error of that size.
        return y, np.abs(y) + np.minimum(np.abs(x), 1e30) * (op in ("squareplus", "tanh_shrink", "soft_shrink")) + 1

    return Case(op, {"x": x}, {}, truth, roundings)


@st.composite
def positive(draw: st.DrawFn) -> Case:
    """Roots and logarithms, of what they are made for."""
    op = draw(st.sampled_from(("sqrt", "rsqrt", "log")))
    function: Callable[[Array], Array] = {"sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "log": np.log}[op]
    x = draw(arrays(kinds=("normal", "large"), dtypes=("float32", "float64", "uint8")))
    return Case(op, {"x": np.abs(x) + x.dtype.type(1)}, {}, itself(function), 8)


BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "divide": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "multiply": np.multiply,
    "subtract": np.subtract,
    "true_divide": np.divide,
}


@st.composite
def binary(draw: st.DrawFn) -> Case:
    op = draw(st.sampled_from(sorted(BINARY)))
    shape = draw(shapes())
    other = [n if draw(st.booleans()) else 1 for n in shape][draw(st.integers(0, len(shape))) :]
    given = [draw(arrays(shape=shape)), draw(arrays(shape=tuple(other)))]
    if draw(st.booleans()):
        given.reverse()
    return Case(op, {"x1": given[0], "x2": given[1]}, {}, itself(BINARY[op]), 1)


@st.composite
def choice(draw: st.DrawFn) -> Case:
    shape = draw(shapes())
    condition, x1, x2 = (draw(arrays(shape=shape)) for _ in range(3))
    truth = itself(lambda a, b, c: np.where(a != 0, b, c))
    return Case("where", {"condition": condition, "x1": x1, "x2": x2}, {}, truth, 0)


def _sum_truth(function: Callable[..., Any], **how: Any) -> Callable[..., tuple[Array, Array]]:
    def truth(x: Array) -> tuple[Array, Array]:
        return function(x, **how), np.sum(np.abs(x), **how)

    return truth


@st.composite
def reductions(draw: st.DrawFn) -> Case:
    op = draw(st.sampled_from(("sum", "mean", "max", "min")))
    x = draw(arrays(shape=draw(shapes(least=1)), kinds=FINITE if op in ("sum", "mean") else ("normal", "special")))
    axes = tuple(axis for axis in range(x.ndim) if draw(st.booleans()))
    axis: Any = axes if axes and draw(st.booleans()) else draw(st.integers(-x.ndim, x.ndim - 1))
    how = {"axis": axis, "keepdims": draw(st.booleans())}
    if op != "sum" and 0 in np.atleast_1d(np.take(x.shape, axis)):
        x = x[..., :0].reshape((0,) * x.ndim)  # refused: nothing along the axis
    truth = _sum_truth(getattr(np, op), **how)
    return Case(op, {"x": x}, how, truth if op in ("sum", "mean") else itself(lambda x: getattr(np, op)(x, **how)), 2)


@st.composite
def spreads(draw: st.DrawFn) -> Case:
    """Variances and what is divided by them, of numbers of like size: others cancel."""
    op = draw(st.sampled_from(("var", "std", "softmax", "log_softmax")))
    x = draw(
        arrays(
            shape=draw(st.tuples(st.integers(0, 4), st.integers(1, 9), st.integers(1, 9))), kinds=("whole", "normal")
        )
    )
    axis = draw(st.sampled_from((-1, 1, (1, 2))))

    def truth(x: Array) -> tuple[Array, Array]:
        if op in ("var", "std"):
            size = np.square(np.abs(x).max(axis=axis, initial=0)) + 1
            return getattr(np, op)(x, axis=axis), size
        shifted = x - x.max(axis=axis, keepdims=True, initial=-np.inf)
        logs = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
        return (np.exp(logs), np.exp(logs)) if op == "softmax" else (logs, np.abs(logs) + np.abs(shifted) + 1)

    # The root of a small variance shows its error enlarged.
    return Case(op, {"x": x}, {"axis": axis}, truth, 2048 if op == "std" else 64)


@st.composite
def reshapings(draw: st.DrawFn) -> Case:
    """Numbers that stay as they are, elsewhere."""
    x = draw(arrays(shape=draw(shapes(least=1))))
    rank = x.ndim
    axis = draw(st.integers(-rank, rank - 1))
    op, settings, function = draw(
        st.sampled_from(
            [
                ("reshape", {"newshape": (x.size,)}, lambda a: a.reshape(x.size)),
                ("flatten", {}, lambda a: a.reshape(len(a), math.prod(a.shape[1:]))),
                ("transpose", {}, np.transpose),
                ("repeat", {"repeats": 2, "axis": axis}, lambda a: np.repeat(a, 2, axis)),
                ("expand_dims", {"axis": axis}, lambda a: np.expand_dims(a, axis)),
                ("squeeze", {}, np.squeeze),
                ("get_item", {"key": (0 if len(x) else slice(None))}, lambda a: a[0] if len(a) else a),
                ("clip", {"x_min": -1.0, "x_max": 2.0}, lambda a: np.clip(a, -1, 2)),
                ("pad", {"pad_width": 2}, lambda a: np.pad(a, 2)),
                ("pad", {"pad_width": ((1, 0),) * rank, "constant_values": 3.0}, _padded),
                ("threshold", {"threshold": 0.5, "default_value": 2.0}, lambda a: np.where(a <= 0.5, 2.0, a)),
            ]
        )
    )
    return Case(op, {"x": x}, settings, itself(function), 0)


def _padded(x: Array) -> Array:
    return np.pad(x, ((1, 0),) * x.ndim, constant_values=3.0)


@st.composite
def borders(draw: st.DrawFn) -> Case:
    mode = draw(st.sampled_from(("edge", "reflect", "symmetric", "wrap")))
    x = draw(arrays(shape=draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))))
    width = tuple(tuple(draw(st.integers(0, 7)) for _ in range(2)) for _ in range(2))
    truth = itself(lambda a: np.pad(a, width, mode))
    return Case("pad", {"x": x}, {"pad_width": width, "mode": mode}, truth, 0)


@st.composite
def products(draw: st.DrawFn) -> Case:
    rows, depth, columns = draw(st.integers(0, 9)), draw(st.integers(1, 40)), draw(st.integers(1, 40))
    op = draw(st.sampled_from(("dense", "matmul")))
    lead = draw(st.sampled_from(((), (2,), (0,), (1, 3)))) if op == "dense" else ()
    first = draw(arrays(shape=(*lead, rows, depth), kinds=FINITE))
    second = draw(arrays(shape=(depth, columns), kinds=FINITE))

    def truth(**given: Array) -> tuple[Array, Array]:
        a, b = given.values()
        return a @ b, np.abs(a) @ np.abs(b)

    names = ("x", "kernel") if op == "dense" else ("x1", "x2")
    return Case(op, dict(zip(names, (first, second), strict=True)), {}, truth, depth + 2)


@st.composite
def normalizations(draw: st.DrawFn) -> Case:
    x = draw(
        arrays(
            shape=draw(st.tuples(st.integers(0, 3), st.integers(1, 9), st.integers(1, 9))), kinds=("whole", "normal")
        )
    )
    channels = x.shape[-1]
    op = draw(st.sampled_from(("batch_normalization", "layer_normalization", "rms_normalization")))
    given = {"x": x}
    if op == "batch_normalization":
        given["mean"] = draw(arrays(shape=(channels,), kinds=("normal",), dtypes=("float32", "float64")))
        given["variance"] = np.abs(draw(arrays(shape=(channels,), kinds=("normal",), dtypes=("float32", "float64"))))
    settings = {"axis": -1, "epsilon": 0.01}

    def truth(x: Array, mean: Any = None, variance: Any = None) -> tuple[Array, Array]:
        centre = x.mean(axis=-1, keepdims=True) if op == "layer_normalization" else mean
        spread = np.square(x - (0 if centre is None else centre)).mean(axis=-1, keepdims=True)
        scale = 1 / np.sqrt((spread if variance is None else variance) + 0.01)
        return (x - (0 if centre is None else centre)) * scale, (
            np.abs(x) + np.abs(centre if centre is not None else 0)
        ) * scale

    return Case(op, given, settings, truth, 64)


@st.composite
def joints(draw: st.DrawFn) -> Case:
    shape = draw(shapes(least=1))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    parts = {f"xs[{i}]": draw(arrays(shape=shape)) for i in range(draw(st.integers(1, 3)))}
    return Case("concatenate", parts, {"axis": axis}, itself(lambda *a: np.concatenate(a, axis)), 0)


def run(case: Case) -> Any:
    """The operation's result on the arrays as they are."""
    if case.op == "concatenate":
        return ops.concatenate(list(case.arrays.values()), **case.settings)
    return getattr(ops, case.op)(**case.arrays, **case.settings)


CASES = st.one_of(
    unary(),
    positive(),
    binary(),
    choice(),
    reductions(),
    spreads(),
    reshapings(),
    borders(),
    products(),
    normalizations(),
    joints(),
)
