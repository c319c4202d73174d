"""OpenVINO at its best: weights as constants, NHWC images and results, which its convolutions read without a reorder.

Timed: an inference from a tensor set beforehand to the output tensor. bfloat16, its choice where a CPU has it, is off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import openvino
from openvino.preprocess import PrePostProcessor

from peers import base, onnx_model
from problems import Problem


class Peer(base.Peer):
    version = openvino.__version__.split("-")[0]

    def __init__(self, threads: int) -> None:
        self._core = openvino.Core()
        self._config = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        }

    def prepare(self, problem: Problem, x: base.Array, kernel: base.Array, bias: base.Array) -> Callable[[], Any]:
        return self._prepare(onnx_model.conv(problem, kernel, bias), x)

    def prepare_pool(self, problem: Problem, kind: str, x: base.Array) -> Callable[[], Any]:
        return self._prepare(onnx_model.pool(problem, kind), x)

    def _prepare(self, model: bytes, x: base.Array) -> Callable[[], Any]:
        spatial = "DHW"[5 - x.ndim :]
        layouts = PrePostProcessor(self._core.read_model(model))
        for end in (layouts.input(), layouts.output()):
            end.tensor().set_layout(openvino.Layout(f"N{spatial}C"))
            end.model().set_layout(openvino.Layout(f"NC{spatial}"))
        request = self._core.compile_model(layouts.build(), "CPU", self._config).create_infer_request()
        request.set_input_tensor(openvino.Tensor(x))  # a copy, so it lives as long as the request

        def run() -> Any:
            request.infer()
            return request

        return run

    def as_array(self, result: Any) -> base.Array:
        return np.array(result.get_output_tensor().data)
