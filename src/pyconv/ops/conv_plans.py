"""The plans of convolutions, kept by the shapes of the arrays that they are for. No arrays here.

The core chooses the algorithm, unless one has been found to be faster: `pyconv.tuning` measures, here it is asked for.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from pyconv import _core, config
from pyconv.ops import geometry
from pyconv.ops.arrays import dtype_name
from pyconv.ops.elementwise import NEGATIVE_SLOPE

Operation = Literal["conv", "depthwise_conv", "dense"]


class Settled(NamedTuple):
    """An operation's arguments, checked, before any array is seen; equal ones share their plans."""

    op: Operation
    strides: tuple[int, ...]
    padding: str | geometry.Pads
    dilation: tuple[int, ...]
    channels_first: bool


# The activations that the core applies to results before it writes them.
Activation = Literal["linear", "relu", "relu6", "leaky_relu"]


class Problem(NamedTuple):
    """The arguments of `_core.ConvPlan`, the direction left out."""

    op: Operation
    dtype: Literal["float32", "float64"]
    batch: int
    in_channels: int
    out_channels: int
    groups: int
    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: geometry.Pads
    precision: config.Precision
    activation: Activation
    negative_slope: float


Direction = Literal["forward", "backward_data", "backward_weights"]
Key = tuple[str, Direction, Problem]  # with the instruction set, for whose kernels alone a time holds


class Tuned:
    """The algorithms that were measured to be the fastest, instead of the core's choices.

    Not by the number of threads: results are the same bits for any.
    """

    algorithms: ClassVar[dict[Key, str]] = {}  # never changed but replaced, and the version after it
    version = 0


def tuned(key: Key) -> str:
    """The algorithm that was found to be the fastest; "" where the core chooses."""
    return Tuned.algorithms.get(key, "")


class Asked:
    """The plans that a thread has asked for, and what was tuned of them then."""

    def __init__(self) -> None:
        self.algorithms: dict[Key, str] = {}
        self._version = Tuned.version

    def note(self, key: Key) -> None:
        self.algorithms.setdefault(key, tuned(key))

    def is_current(self) -> bool:
        """Whether the same plans would come of the same questions."""
        version = Tuned.version
        if version != self._version and all(tuned(key) == name for key, name in self.algorithms.items()):
            self._version = version
        return version == self._version


class _Thread(threading.local):
    asked: Asked | None = None


_thread = _Thread()


@contextlib.contextmanager
def noting() -> Iterator[Asked]:
    """Notes which plans this thread asks for within the `with` block."""
    outer, _thread.asked = _thread.asked, Asked()
    try:
        yield _thread.asked
    finally:
        _thread.asked = outer


class Forward(NamedTuple):
    """A problem with its plan, and the shape of the result: the plan's, but for `dense`."""

    problem: Problem
    plan: _core.ConvPlan
    shape: tuple[int, ...]


class Request(NamedTuple):
    """What a plan is asked for: an operation on arrays of these shapes, channels last."""

    isa: str
    precision: config.Precision
    settled: Settled
    dtype: np.dtype[Any]
    x_shape: tuple[int, ...]
    kernel_shape: tuple[int, ...]
    bias_shape: tuple[int, ...] | None
    activation: Activation = "linear"


def forward(request: Request) -> Forward:
    """The plan for such arrays; raises ValueError where they don't fit together."""
    # The version is read first: what is tuned meanwhile will be asked for by another.
    version = Tuned.version
    found = _forward(version, request)
    if _thread.asked is not None:
        _thread.asked.note((request.isa, "forward", found.problem))
    return found


# Plans are small, some hundred bytes; 256 serve a large network at a few batch sizes. They hold kernels of the ISA they
# were made for, so the ISA belongs to the key, and so does the precision.
_PLANS = 256


@functools.lru_cache(maxsize=_PLANS)
def _forward(version: int, request: Request) -> Forward:
    isa, precision, settled, dtype, x_shape, kernel_shape, bias_shape, activation = request
    op, strides, padding, dilation, _ = settled
    src_shape, window, groups, filters = _SIZES[op](x_shape, kernel_shape)
    if bias_shape not in (None, (filters,)):
        raise ValueError(f"{op}: bias must have shape ({filters},), a number a filter. Received: {bias_shape}.")
    batch, *size, channels = src_shape
    pads = geometry.resolve_pads(op, padding, size, window, strides, dilation)
    problem = Problem(
        op,
        dtype_name(dtype),
        batch,
        channels,
        filters,
        groups,
        tuple(size),
        window,
        strides,
        dilation,
        pads,
        precision,
        activation,
        NEGATIVE_SLOPE if activation == "leaky_relu" else 0.0,
    )
    made = plan_for(isa, "forward", problem)
    return Forward(problem, made, (*x_shape[:-1], filters) if op == "dense" else made.dst_shape)


def plan_for(isa: str, direction: Direction, problem: Problem) -> _core.ConvPlan:
    """The plan for a problem, of the algorithm that was tuned for it or else the core's choice."""
    key = (isa, direction, problem)
    if _thread.asked is not None:
        _thread.asked.note(key)
    return plan_by(isa, direction, problem, tuned(key) if Tuned.algorithms else "")


@functools.lru_cache(maxsize=_PLANS)
def plan_by(isa: str, direction: Direction, problem: Problem, algorithm: str) -> _core.ConvPlan:
    """The plan of an algorithm, "" for the core's choice; ValueError where it refuses.

    With PYCONV_VERBOSE=1 in the environment a new one describes itself on stderr.
    """
    made = _core.ConvPlan(direction=direction, algorithm=algorithm, **problem._asdict())
    if os.environ.get("PYCONV_VERBOSE") == "1":
        print(f"pyconv: {_described(problem, made)}{' (tuned)' if algorithm else ''}", file=sys.stderr)
    return made


def _described(problem: Problem, plan: _core.ConvPlan) -> str:
    """A line about a plan: what `pyconv.explain` tells in many."""
    pads = " ".join(f"{before},{after}" for before, after in problem.pads)
    shapes = plan.src_shape, plan.weights_shape, plan.dst_shape
    moved = sum(map(math.prod, shapes)) * np.dtype(problem.dtype).itemsize
    return (
        f"{plan.describe()}, pads {pads}, {plan.flops} FLOPs, {moved} bytes read and written, packed weights "
        f"{plan.packed_bytes} bytes, workspace {plan.workspace_bytes} bytes"
    )


# The shape of src, the window, the groups and the filters of each operation.
_Sizes = tuple[tuple[int, ...], tuple[int, ...], int, int]


def _conv_sizes(x_shape: tuple[int, ...], kernel_shape: tuple[int, ...]) -> _Sizes:
    *window, group_channels, filters = kernel_shape
    channels = x_shape[-1]
    if channels == 0 or group_channels == 0 or channels % group_channels:
        raise ValueError(
            "conv: the channels of inputs must be a multiple of the channels of kernel (its axis -2). "
            f"Received: channels={channels}, inputs.shape={x_shape} (channels last), kernel.shape={kernel_shape}."
        )
    return x_shape, tuple(window), channels // group_channels, filters


def _depthwise_sizes(x_shape: tuple[int, ...], kernel_shape: tuple[int, ...]) -> _Sizes:
    *window, channels, multiplier = kernel_shape
    if x_shape[-1] != channels:
        raise ValueError(
            "depthwise_conv: inputs and kernel (its axis -2) must have equally many channels. Received: "
            f"channels={x_shape[-1]}, inputs.shape={x_shape} (channels last), kernel.shape={kernel_shape}."
        )
    return x_shape, tuple(window), channels, channels * multiplier


def _dense_sizes(x_shape: tuple[int, ...], kernel_shape: tuple[int, ...]) -> _Sizes:
    if not x_shape or len(kernel_shape) != 2 or x_shape[-1] != kernel_shape[0]:
        raise ValueError(
            "dense: kernel must have two axes, the first as long as the last axis of x. "
            f"Received: x.shape={x_shape}, kernel.shape={kernel_shape}."
        )
    length, units = kernel_shape
    # A line can't be empty, but there may be no line at all.
    pixels = math.prod(x_shape[:-1])
    return ((1, pixels, length) if pixels else (0, 1, length)), (1,), 1, units


_SIZES: dict[Operation, Callable[[tuple[int, ...], tuple[int, ...]], _Sizes]] = {
    "conv": _conv_sizes,
    "depthwise_conv": _depthwise_sizes,
    "dense": _dense_sizes,
}
