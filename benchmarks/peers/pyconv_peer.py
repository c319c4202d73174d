"""pyconv as a user calls it: functions of ops on NumPy arrays. Of any dtype: in float64 they tell what is right."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pyconv
from peers import base
from problems import Problem


class Peer(base.Peer):
    version = pyconv.__version__

    def __init__(self, threads: int) -> None:
        pyconv.set_num_threads(threads)

    def prepare(self, problem: Problem, x: base.Array, kernel: base.Array, bias: base.Array) -> Callable[[], Any]:
        return functools.partial(
            pyconv.ops.conv,
            x,
            kernel,
            problem.strides,
            problem.pads,
            dilation_rate=problem.dilation,
            bias=bias,
        )

    def prepare_pool(self, problem: Problem, kind: str, x: base.Array) -> Callable[[], Any]:
        function = {"max": pyconv.ops.max_pool, "average": pyconv.ops.average_pool}[kind]
        return functools.partial(function, x, problem.kernel_size, problem.strides, problem.pads)

    def as_array(self, result: Any) -> base.Array:
        array: base.Array = result
        return array
