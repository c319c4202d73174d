"""MNN at its best: a model from its converter, Winograd where its cost model wants it, precision "high".

Timed: the copy of the NCHW images into the session, which reuses their memory while it runs, and the run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _tools  # MNN's converter, as the wheel of that name installs it
import MNN
import numpy as np

import network_graph
from peers import base, onnx_model
from problems import Problem


class Peer(base.Peer):
    version = MNN.version()

    def __init__(self, threads: int) -> None:
        self._config = {"backend": "CPU", "numThread": threads, "precision": "high"}
        self._shape: tuple[int, ...] = ()
        self._images: base.Array | None = None

    def prepare(self, problem: Problem, x: base.Array, kernel: base.Array, bias: base.Array) -> Callable[[], Any]:
        if problem.rank != 2:
            raise base.UnsupportedError("its convolution has two axes")
        self._shape = (problem.batch, len(bias), *problem.output_size)
        with tempfile.TemporaryDirectory() as folder:
            source, model = Path(folder) / "one.onnx", Path(folder) / "one.mnn"
            source.write_bytes(onnx_model.conv(problem, kernel, bias))
            convert(source, model)
            return self._prepare(model, x)

    def prepare_network(self, folder: Path, x: base.Array) -> Callable[[], Any]:
        model = folder / f"{self.version}.mnn"
        if not model.exists():
            convert(folder / "model.onnx", model)
        self._shape = network_graph.read(folder / "model.onnx", len(x)).shapes[network_graph.OUTPUT]
        return self._prepare(model, x)

    def _prepare(self, model: Path, x: base.Array) -> Callable[[], Any]:
        interpreter = MNN.Interpreter(str(model))
        session = interpreter.createSession(self._config)
        self._images = base.channels_first(x)  # a tensor doesn't keep its array alive
        images = tensor(self._images)
        target = interpreter.getSessionInput(session)
        if tuple(target.getShape()) != images.getShape():
            interpreter.resizeTensor(target, images.getShape())
            interpreter.resizeSession(session)

        def run() -> Any:
            target.copyFrom(images)
            interpreter.runSession(session)
            return interpreter.getSessionOutput(session)

        return run

    def as_array(self, result: Any) -> base.Array:
        array = np.empty(self._shape, np.float32)
        host = tensor(array)
        result.copyToHostTensor(host)
        return base.channels_last(host.getNumpyData().reshape(self._shape)).copy()  # the memory is the tensor's


def convert(source: Path, model: Path) -> None:
    command = ["mnnconvert", "-f", "ONNX", "--modelFile", str(source), "--MNNModel", str(model)]
    _tools.mnnconvert([*command, "--bizCode", "none"])


def tensor(array: base.Array) -> Any:
    return MNN.Tensor(array.shape, MNN.Halide_Type_Float, array, MNN.Tensor_DimensionType_Caffe)
