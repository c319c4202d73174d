"""Sound calls of operations with one argument exchanged for something that nobody should pass. Drawn, not a test."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from fuzz.hostile_arrays import huge_strides
from pyconv import ops

X = np.arange(288, dtype=np.float32).reshape(2, 6, 6, 4) % 7 - 3
NUMBERS = np.array([1.0, 2.0, 3.0, 4.0], np.float32)
_KERNEL = np.ones((3, 3, 4, 8), np.float32)

# The others take one array, called x.
_TWO_ARRAYS = ("add", "divide", "maximum", "minimum", "multiply", "power", "subtract", "true_divide")
_OF_ANYTHING = {"cast", "convert_to_numpy", "convert_to_tensor", "get_item", "shape", "stop_gradient"}

# A sound call of each operation: positional names as its signature has them.
SOUND: dict[str, dict[str, Any]] = (
    {op: {"x": X} for op in ops.__all__ if op not in _OF_ANYTHING}
    | {op: {"x1": X, "x2": NUMBERS} for op in _TWO_ARRAYS}
    | {
        "adaptive_average_pool": {"inputs": X, "output_size": 3},
        "adaptive_max_pool": {"inputs": X, "output_size": 3},
        "average_pool": {"inputs": X, "pool_size": 2},
        "batch_normalization": {"x": X, "mean": NUMBERS, "variance": NUMBERS, "axis": -1},
        "clip": {"x": X, "x_min": 0.0, "x_max": 1.0},
        "concatenate": {"xs": [X, X]},
        "conv": {"inputs": X, "kernel": _KERNEL},
        "conv_transpose": {"inputs": X, "kernel": np.ones((3, 3, 8, 4), np.float32)},
        "dense": {"x": X, "kernel": np.ones((4, 8), np.float32)},
        "depthwise_conv": {"inputs": X, "kernel": np.ones((3, 3, 4, 2), np.float32)},
        "expand_dims": {"x": X, "axis": 0},
        "full": {"shape": (2, 3), "fill_value": 1.0},
        "matmul": {"x1": X, "x2": np.ones((4, 2), np.float32)},
        "max_pool": {"inputs": X, "pool_size": 2},
        "moments": {"x": X, "axes": (0, 1)},
        "ones": {"shape": (2, 3)},
        "pad": {"x": X, "pad_width": 1},
        "repeat": {"x": X, "repeats": 2},
        "reshape": {"x": X, "newshape": (2, -1)},
        "separable_conv": {
            "inputs": X,
            "depthwise_kernel": np.ones((3, 3, 4, 1), np.float32),
            "pointwise_kernel": np.ones((1, 1, 4, 2), np.float32),
        },
        "threshold": {"x": X, "threshold": 0.0, "default_value": 1.0},
        "where": {"condition": X > 0, "x1": X, "x2": NUMBERS},
        "zeros": {"shape": (2, 3)},
    }
)
_WINDOWED = ("strides", "padding", "data_format")
# Arguments that a sound call leaves out.
OPTIONAL: dict[str, tuple[str, ...]] = {
    "average_pool": (*_WINDOWED, "out"),
    "batch_normalization": ("offset", "scale", "epsilon"),
    "celu": ("alpha",),
    "concatenate": ("axis",),
    "conv": (*_WINDOWED, "dilation_rate", "bias", "out"),
    "conv_transpose": (*_WINDOWED, "dilation_rate", "output_padding", "bias"),
    "dense": ("bias", "out"),
    "depthwise_conv": (*_WINDOWED, "dilation_rate", "bias", "out"),
    "elu": ("alpha",),
    "full": ("dtype",),
    "glu": ("axis",),
    "hard_shrink": ("threshold",),
    "layer_normalization": ("gamma", "beta", "axis", "epsilon"),
    "leaky_relu": ("negative_slope",),
    "log_softmax": ("axis",),
    "max": ("axis", "initial"),
    "max_pool": (*_WINDOWED, "out"),
    "mean": ("axis",),
    "min": ("axis", "initial"),
    "moments": ("synchronized",),
    "ones": ("dtype",),
    "ones_like": ("dtype",),
    "pad": ("mode", "constant_values"),
    "repeat": ("axis",),
    "rms_normalization": ("scale", "axis", "epsilon"),
    "separable_conv": (*_WINDOWED, "dilation_rate", "bias"),
    "soft_shrink": ("threshold",),
    "softmax": ("axis",),
    "sparsemax": ("axis",),
    "squareplus": ("b",),
    "squeeze": ("axis",),
    "std": ("axis",),
    "sum": ("axis",),
    "transpose": ("axes",),
    "var": ("axis",),
    "zeros": ("dtype",),
    "zeros_like": ("dtype",),
}

VALUES: dict[str, Any] = {
    repr(value)[:40]: value
    for value in [
        None,
        True,
        -1,
        0,
        1,
        3,
        2**31 - 1,
        2**31,
        2**62,
        2**63,
        -(2**63) - 1,
        10**30,
        -0.5,
        1.5,
        1e300,
        float("nan"),
        float("inf"),
        1j,
        "same",
        "",
        "float16",
        "\0\ud800",
        b"valid",
        (),
        (1,),
        (2, 2),
        (2, -1),
        (0, 0),
        (1.0, 1),
        (2**40, 2**40),
        (1, 2, 3, 4, 5, 6, 7, 8),
        [[1, 2], [3]],
        [[1, 2], [3, 4]],
        ((1, 1), (1, 1)),
        ((10**20, 1), (1, 1)),
        {"a": 1},
        {1, 2},
        object,
        len,
        slice(1),
        Ellipsis,
        iter([1, 2]),
    ]
} | {
    "no numbers": np.zeros(0, np.float32),
    "a number": np.array(2),
    "NumPy's 2": np.int64(2),
    "NumPy's 2.0": np.float32(2),
    "NumPy's True": np.bool_(True),
    "two integers": np.array([2, 2]),
    "ten axes": np.zeros((1,) * 10, np.float32),
    "no image": np.zeros((0, 6, 6, 4), np.float32),
    "no pixel": np.zeros((2, 0, 6, 4), np.float32),
    "no channel": np.zeros((2, 6, 6, 0), np.float32),
    "NaNs": np.full((2, 6, 6, 4), np.nan),
    "complex numbers": np.zeros((2, 6, 6, 4), np.complex64),
    "dates": np.zeros((2, 6, 6, 4), "datetime64[s]"),
    "texts": np.array(["a", "b"]),
    "records": np.zeros(2, [("a", "f4")]),
    "objects": np.array([None, 1], object),
    "masked": np.ma.masked_array([1.0, 2.0], mask=[True, False]),
    "half of infinity": np.full((2, 6, 6, 4), 6e4, np.float16),
    "a broadcast number": np.broadcast_to(np.float32(1), (2, 6, 6, 4)),
    "strides beyond memory": huge_strides(np.zeros((1, 6, 6, 4), np.float32)),
    "read-only": np.broadcast_to(np.float32(1), (2, 4, 4, 8)),
    "a matrix": np.matrix([[1.0, 2.0]]),
}


# What a text names where it is no single argument's fault: sizes that follow from several.
_SIZES = ("output would be", "input ", "output ", "input.")


class Call(NamedTuple):
    """An operation's arguments by name, and which of them isn't sound."""

    op: str
    name: str
    what: str

    def arguments(self) -> dict[str, Any]:
        return SOUND[self.op] | {self.name: VALUES[self.what]}


@st.composite
def _calls(draw: st.DrawFn) -> Call:
    op = draw(st.sampled_from(sorted(SOUND)))
    name = draw(st.sampled_from((*SOUND[op], *OPTIONAL.get(op, ()))))
    return Call(op, name, draw(st.sampled_from(sorted(VALUES))))


CALLS = _calls()
EVERY_CALL = [Call(op, name, what) for op in SOUND for name in (*SOUND[op], *OPTIONAL.get(op, ())) for what in VALUES]

assert SOUND.keys() | {"cast", "convert_to_numpy", "convert_to_tensor", "get_item", "shape", "stop_gradient"} == set(
    ops.__all__
)


def check(call: Call) -> str:
    """Runs a call: it ran, or was refused by an error that names the operation and the argument."""
    try:
        getattr(ops, call.op)(**call.arguments())
    except (ValueError, TypeError) as error:
        words = str(error)
        known = (*SOUND[call.op], *OPTIONAL.get(call.op, ()), *_SIZES)
        if not words.startswith(f"{call.op}: ") or not any(name in words for name in known):
            raise AssertionError(f"the operation or the argument isn't named: {words}") from error
        return "refused"
    except MemoryError:
        return "out of memory"
    return "ran"
