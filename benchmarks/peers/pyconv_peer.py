"""pyconv as a user calls it: a built layer on a NumPy array. Of any dtype: in float64 it tells what is right."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import inference_networks
import keras_step
import pyconv
from peers import base
from plans import plan
from problems import Problem
from training_networks import Step


class Peer(base.Peer):
    version = pyconv.__version__

    def __init__(self, threads: int) -> None:
        pyconv.set_num_threads(threads)

    def prepare(self, problem: Problem, x: base.Array, kernel: base.Array, bias: base.Array) -> Callable[[], Any]:
        layer = getattr(pyconv.layers, f"Conv{problem.rank}D")(
            problem.out_channels,
            problem.kernel_size,
            problem.strides,
            problem.pads,
            dilation_rate=problem.dilation,
            groups=problem.groups,
            dtype=x.dtype.name,
        )
        layer.build(x.shape)
        layer.set_weights([kernel, bias])
        return functools.partial(layer, x)

    def prepare_pool(self, problem: Problem, kind: str, x: base.Array) -> Callable[[], Any]:
        pooling = getattr(pyconv.layers, f"{kind.capitalize()}Pooling{problem.rank}D")
        layer = pooling(problem.kernel_size, problem.strides, problem.pads, dtype=x.dtype.name)
        return functools.partial(layer, x)

    def prepare_gradient(
        self, problem: Problem, kind: str, x: base.Array, kernel: base.Array, dy: base.Array
    ) -> Callable[[], Any]:
        """As the tape plays it: the plan's run, into new arrays."""

        def data() -> base.Array:
            dx = pyconv._core.empty(x.dtype.name, x.shape)
            made.run(dx, kernel, None, dy)
            return dx

        def weights() -> base.Array:
            diff_kernel, diff_bias = np.empty_like(kernel), np.empty(kernel.shape[-1], kernel.dtype)
            made.run(x, diff_kernel, diff_bias, dy)
            return diff_kernel

        made = plan(problem, f"backward_{kind}", x.dtype.name)
        return data if kind == "data" else weights

    def prepare_step(self, step: Step, dtype: str) -> Callable[[], Any]:
        pyconv.config.set_floatx(dtype)
        return keras_step.prepare(pyconv, step)

    def prepare_network(self, folder: Path, x: base.Array) -> Callable[[], Any]:
        return functools.partial(inference_networks.load(folder), x)

    def as_array(self, result: Any) -> base.Array:
        return np.asarray(result)
