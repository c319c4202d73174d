"""LiteRT at its best: a float32 model from TensorFlow's converter, run by XNNPACK, NHWC.

Timed: an invocation, from an input tensor set beforehand to its output tensor.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

import graph_in_tensorflow
import network_graph
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
        return self._loaded(converted(function), np.flip(x, self._mirrored))

    def prepare_network(self, folder: Path, x: base.Array) -> Callable[[], Any]:
        files = files_of(folder, len(x))
        if not any(file.exists() for file in files):
            # In a process that gives the memory back: for VGG-16 the converter takes 9 GB.
            command = [sys.executable, "-m", "peers.litert_peer", str(folder), str(len(x))]
            subprocess.run(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=True)
        mirrored = files[1].exists()
        self._mirrored = [1, 2] if mirrored else []
        return self._loaded(files[mirrored].read_bytes(), np.flip(x, self._mirrored))

    def _loaded(self, model: bytes, x: base.Array) -> Callable[[], Any]:
        interpreter = Interpreter(model_content=model, num_threads=self._threads)
        interpreter.allocate_tensors()
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)

        def run() -> Any:
            interpreter.invoke()
            return interpreter

        return run

    def as_array(self, result: Any) -> base.Array:
        y = result.get_tensor(result.get_output_details()[0]["index"])
        return np.ascontiguousarray(np.flip(y, self._mirrored if y.ndim > 2 else []))


def files_of(folder: Path, batch: int) -> tuple[Path, Path]:
    """The converted network, or the one for mirrored images; one of them is there once it has been converted."""
    name = f"{Peer.version}-{batch}"
    return folder / f"{name}.tflite", folder / f"{name}-mirrored.tflite"


def write_network(folder: Path, batch: int) -> None:
    function, mirrored = graph_in_tensorflow.function(network_graph.read(folder / "model.onnx", batch))
    file = files_of(folder, batch)[mirrored]
    partial = file.with_suffix(".partial")
    partial.write_bytes(converted(function))
    partial.replace(file)  # which is whole, or not there


def converted(function: Any) -> bytes:
    model: bytes = tensorflow_graph.tf.lite.TFLiteConverter.from_concrete_functions([function]).convert()
    return model


if __name__ == "__main__":
    write_network(Path(sys.argv[1]), int(sys.argv[2]))
