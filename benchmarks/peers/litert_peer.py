"""LiteRT at its best: a float32 model from TensorFlow's converter, run by XNNPACK, NHWC.

Timed: an invocation, from an input tensor set beforehand to its output tensor.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from peers import base, tensorflow_graph
from problems import Problem


class Peer(base.Peer):
    version = importlib.metadata.version("ai-edge-litert")

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._mirrored: list[int] = []

    def prepare(self, problem: Problem, x: base.Array, kernel: base.Array, bias: base.Array) -> Callable[[], Any]:
        padding, self._mirrored = base.same_or_valid(problem)
        kernel = np.flip(kernel, [axis - 1 for axis in self._mirrored])
        return self._prepare(tensorflow_graph.conv(problem, kernel, bias, padding), x)

    def prepare_pool(self, problem: Problem, kind: str, x: base.Array) -> Callable[[], Any]:
        padding, self._mirrored = base.same_or_valid(problem)
        return self._prepare(tensorflow_graph.pool(problem, kind, padding), x)

    def _prepare(self, function: Any, x: base.Array) -> Callable[[], Any]:
        converter = tensorflow_graph.tf.lite.TFLiteConverter.from_concrete_functions([function])
        interpreter = Interpreter(model_content=converter.convert(), num_threads=self._threads)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.flip(x, self._mirrored))

        def run() -> Any:
            interpreter.invoke()
            return interpreter

        return run

    def as_array(self, result: Any) -> base.Array:
        y = result.get_tensor(result.get_output_details()[0]["index"])
        return np.ascontiguousarray(np.flip(y, self._mirrored))
