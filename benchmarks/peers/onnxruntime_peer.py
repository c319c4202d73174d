"""ONNX Runtime at its best: a model of one Conv, its weights constants, so that they are packed when it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from peers import base
from problems import Problem


class Peer(base.Peer):
    version = onnxruntime.__version__

    def __init__(self, threads: int) -> None:
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads
        self._options.inter_op_num_threads = 1

    def prepare(self, problem: Problem, x: base.Array, kernel: base.Array, bias: base.Array) -> Callable[[], Any]:
        images = np.ascontiguousarray(np.moveaxis(x, -1, 1))
        weights = np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))
        shape = [problem.batch, len(bias), *problem.output_size]
        node = helper.make_node(
            "Conv",
            ["x", "kernel", "bias"],
            ["y"],
            strides=problem.strides,
            dilations=problem.dilation,
            group=problem.groups,
            pads=[before for before, _ in problem.pads] + [after for _, after in problem.pads],
        )
        graph = helper.make_graph(
            [node],
            problem.name or "conv",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, images.shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
            [numpy_helper.from_array(weights, "kernel"), numpy_helper.from_array(bias, "bias")],
        )
        # Old enough for any release in use; Conv hasn't changed since opset 11.
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), self._options, providers=["CPUExecutionProvider"]
        )
        return lambda: session.run(["y"], {"x": images})[0]

    def as_array(self, result: Any) -> base.Array:
        return np.ascontiguousarray(np.moveaxis(result, 1, -1))
