"""OpenVINO at its best: weights as constants; NHWC for convolutions, which need no reorder then, NCHW for poolings,
which are two to four times as fast in it.

Timed: an inference from a tensor set beforehand to the output tensor. bfloat16, its choice where a CPU has it, is off.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
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
        self._layout = ""
        self._config = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        }

    def prepare(self, problem: Problem, x: base.Array, kernel: base.Array, bias: base.Array) -> Callable[[], Any]:
        return self._prepare(onnx_model.conv(problem, kernel, bias), x, "channels_last")

    def prepare_pool(self, problem: Problem, kind: str, x: base.Array) -> Callable[[], Any]:
        return self._prepare(onnx_model.pool(problem, kind), base.channels_first(x), "channels_first")

    def _prepare(self, model: bytes, x: base.Array, layout: str) -> Callable[[], Any]:
        self._layout = layout
        spatial = "DHW"[5 - x.ndim :]
        layouts = PrePostProcessor(self._core.read_model(model))
        for end in (layouts.input(), layouts.output()):
            end.tensor().set_layout(openvino.Layout(f"N{spatial}C" if layout == "channels_last" else f"NC{spatial}"))
            end.model().set_layout(openvino.Layout(f"NC{spatial}"))
        return self._compiled(layouts.build(), x)

    def prepare_network(self, folder: Path, x: base.Array) -> Callable[[], Any]:
        self._layout, model = "channels_first", self._core.read_model(folder / "model.onnx")
        images = base.channels_first(x)
        model.reshape(images.shape)
        return self._compiled(model, images)

    def _compiled(self, model: Any, x: base.Array) -> Callable[[], Any]:
        request = self._core.compile_model(model, "CPU", self._config).create_infer_request()
        request.set_input_tensor(openvino.Tensor(x))  # a copy, so it lives as long as the request

        def run() -> Any:
            request.infer()
            return request

        return run

    def as_array(self, result: Any) -> base.Array:
        y = result.get_output_tensor().data
        return np.array(y) if self._layout == "channels_last" else base.channels_last(y)
