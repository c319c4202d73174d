"""ONNX Runtime at its best: weights as constants, packed when the model is loaded; images and result bound beforehand.

Timed: a run from NCHW to NCHW, the reorders to and from its own blocked layout included.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

import network_graph
from peers import base, onnx_model
from problems import Problem


class Peer(base.Peer):
    version = onnxruntime.__version__

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._value = onnxruntime.OrtValue.ortvalue_from_numpy
        self._bound: Any = None  # a binding doesn't keep the arrays alive

    def prepare(self, problem: Problem, x: base.Array, kernel: base.Array, bias: base.Array) -> Callable[[], Any]:
        shape = (problem.batch, len(bias), *problem.output_size)
        return self._prepare(onnx_model.conv(problem, kernel, bias), x, shape)

    def prepare_pool(self, problem: Problem, kind: str, x: base.Array) -> Callable[[], Any]:
        shape = (problem.batch, problem.in_channels, *problem.output_size)
        return self._prepare(onnx_model.pool(problem, kind), x, shape)

    def prepare_network(self, folder: Path, x: base.Array) -> Callable[[], Any]:
        shape = network_graph.read(folder / "model.onnx", len(x)).shapes[network_graph.OUTPUT]
        return self._prepare(str(folder / "model.onnx"), x, shape)

    def _prepare(self, model: bytes | str, x: base.Array, shape: tuple[int, ...]) -> Callable[[], Any]:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self._threads, 1
        options.add_free_dimension_override_by_name("batch", len(x))  # what networks leave open
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
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
