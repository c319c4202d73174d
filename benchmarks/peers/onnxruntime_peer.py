"""ONNX Runtime at its best: weights as constants, packed when the model is loaded; images and result bound beforehand.

Timed: a run from NCHW to NCHW, the reorders to and from its own blocked layout included.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime

from peers import base, onnx_model
from problems import Problem


class Peer(base.Peer):
    version = onnxruntime.__version__

    def __init__(self, threads: int) -> None:
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads
        self._options.inter_op_num_threads = 1
        self._value = onnxruntime.OrtValue.ortvalue_from_numpy
        self._bound: Any = None  # a binding doesn't keep the arrays alive

    def prepare(self, problem: Problem, x: base.Array, kernel: base.Array, bias: base.Array) -> Callable[[], Any]:
        return self._prepare(problem, onnx_model.conv(problem, kernel, bias), x, len(bias))

    def prepare_pool(self, problem: Problem, kind: str, x: base.Array) -> Callable[[], Any]:
        return self._prepare(problem, onnx_model.pool(problem, kind), x, problem.in_channels)

    def _prepare(self, problem: Problem, model: bytes, x: base.Array, out_channels: int) -> Callable[[], Any]:
        session = onnxruntime.InferenceSession(model, self._options, providers=["CPUExecutionProvider"])
        shape = (problem.batch, out_channels, *problem.output_size)
        images, result = map(self._value, (base.channels_first(x), np.empty(shape, np.float32)))
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", images)
        binding.bind_ortvalue_output("y", result)

        self._bound = images, result

        def run() -> Any:
            session.run_with_iobinding(binding)
            return result

        return run

    def as_array(self, result: Any) -> base.Array:
        return base.channels_last(result.numpy())
