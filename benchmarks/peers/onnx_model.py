"""A problem as an ONNX model of one operation, for the peers that read ONNX. Weights are constants; images are NCHW."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onnx import TensorProto, helper, numpy_helper

from peers import base
from problems import Problem


def conv(problem: Problem, kernel: base.Array, bias: base.Array) -> bytes:
    weights = [numpy_helper.from_array(base.filters_first(kernel), "kernel"), numpy_helper.from_array(bias, "bias")]
    return _model(problem, "Conv", len(bias), weights, dilations=problem.dilation, group=problem.groups)


def pool(problem: Problem, kind: str) -> bytes:
    if any(step > 1 for step in problem.dilation):
        raise base.UnsupportedError("its poolings have no dilation")
    return _model(problem, {"max": "MaxPool", "average": "AveragePool"}[kind], problem.in_channels, [])


def _model(problem: Problem, operation: str, out_channels: int, weights: Sequence[Any], **attributes: Any) -> bytes:
    node = helper.make_node(
        operation,
        ["x", *(weight.name for weight in weights)],
        ["y"],
        kernel_shape=problem.kernel_size,
        strides=problem.strides,
        pads=[before for before, _ in problem.pads] + [after for _, after in problem.pads],
        **attributes,
    )
    x_shape = [problem.batch, problem.in_channels, *problem.input_size]
    y_shape = [problem.batch, out_channels, *problem.output_size]
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x_shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, y_shape)],
        list(weights),
    )
    # Old enough for any release in use; the three operations haven't changed since in what is used of them.
    model: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    return model
