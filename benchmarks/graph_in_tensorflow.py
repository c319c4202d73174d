"""A network_graph.Graph as a TensorFlow function with its weights as constants, NHWC, for TensorFlow and LiteRT."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

import network_graph
from network_graph import Axis, Graph, Node

Run = Callable[..., Any]
IMAGES, KERNEL = [0, 2, 3, 1], [2, 3, 1, 0]  # NCHW to NHWC, FCHW to HWCF


def function(graph: Graph) -> tuple[Any, bool]:
    """The concrete function of images of the graph's shape, and whether it takes them turned round in both axes."""
    graph, mirrored = network_graph.as_liked(graph, lambda axes: padding(axes) is not None)

    def run(x: Any) -> Any:
        values: dict[str, Any] = {**graph.constants, network_graph.INPUT: x}
        for node in graph.nodes:
            values[node.output] = OPERATIONS[node.op](graph, node, *[values[name] for name in node.inputs])
        return values[network_graph.OUTPUT]

    shape = [graph.shapes[network_graph.INPUT][axis] for axis in IMAGES]
    return tf.function(run, input_signature=[tf.TensorSpec(shape)], jit_compile=False).get_concrete_function(), mirrored


def padding(axes: Sequence[Axis]) -> str | None:
    """TensorFlow's name of the pads, None where it has none."""
    if all(axis.pads == (0, 0) for axis in axes):
        return "VALID"
    for size, result, window, stride, dilation, pads in axes:
        total = max((result - 1) * stride + (window - 1) * dilation + 1 - size, 0)
        if result != -(-size // stride) or pads != (total // 2, total - total // 2):
            return None
    return "SAME"


def _padded(graph: Graph, node: Node, x: Any, fill: float) -> tuple[Any, str]:
    """The images and the padding's name, which is VALID after pads that have none."""
    axes = graph.axes(node)
    name = padding(axes)
    if name is not None:
        return x, name
    return tf.pad(x, [(0, 0), *(axis.pads for axis in axes), (0, 0)], constant_values=fill), "VALID"


def _conv(graph: Graph, node: Node, x: Any, kernel: Any, bias: Any = None) -> Any:
    x, name = _padded(graph, node, x, 0.0)
    strides, group = node.attributes["strides"], node.attributes.get("group", 1)
    dilations = node.attributes.get("dilations", [1, 1])
    if group == x.shape[-1] > 1:
        weights = kernel.transpose(2, 3, 0, 1).reshape(*kernel.shape[2:], group, -1)
        y = tf.nn.depthwise_conv2d(x, weights, [1, *strides, 1], name, dilations=dilations)
    else:
        y = tf.nn.conv2d(x, kernel.transpose(KERNEL), strides, name, dilations=dilations)
    return y if bias is None else tf.nn.bias_add(y, bias)


def _conv_transpose(graph: Graph, node: Node, x: Any, kernel: Any, bias: Any = None) -> Any:
    if any(node.attributes.get("pads", [])) or any(node.attributes.get("output_padding", [])):
        raise NotImplementedError("a transposed convolution that crops")
    shape = [graph.shapes[node.output][axis] for axis in IMAGES]
    y = tf.nn.conv2d_transpose(x, kernel.transpose(2, 3, 1, 0), shape, node.attributes["strides"], "VALID")
    return y if bias is None else tf.nn.bias_add(y, bias)


def _pool(function: Run, fill: float) -> Run:
    def run(graph: Graph, node: Node, x: Any) -> Any:
        x, name = _padded(graph, node, x, fill)
        return function(x, node.attributes["kernel_shape"], node.attributes["strides"], name)

    return run


def _batch_normalization(graph: Graph, node: Node, x: Any, *vectors: Any) -> Any:
    epsilon = node.attributes["epsilon"]
    return tf.compat.v1.nn.fused_batch_norm(x, *vectors, epsilon=epsilon, is_training=False)[0]


def _gemm(graph: Graph, node: Node, x: Any, kernel: Any, bias: Any = None) -> Any:
    maker = next(other for other in graph.nodes if other.output == node.inputs[0])
    if maker.op == "Flatten":  # the rows come in the order of channels first
        image = graph.shapes[maker.inputs[0]][1:]
        kernel = kernel.reshape(*image, -1).transpose(1, 2, 0, 3).reshape(kernel.shape)
    y = tf.matmul(x, kernel)
    return y if bias is None else tf.nn.bias_add(y, bias)


def _clip(graph: Graph, node: Node, x: Any, low: Any, high: Any) -> Any:
    return tf.nn.relu6(x) if (low, high) == (0, 6) else tf.clip_by_value(x, low, high)


def _binary(function: Run) -> Run:
    """Of two images, or of one and a number a channel."""
    return lambda graph, node, *given: function(*[x.reshape(-1) if isinstance(x, np.ndarray) else x for x in given])


OPERATIONS: dict[str, Run] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _pool(tf.nn.max_pool2d, -math.inf),
    "AveragePool": _pool(tf.nn.avg_pool2d, math.nan),  # which would tell
    "BatchNormalization": _batch_normalization,
    "Gemm": _gemm,
    "MatMul": _gemm,
    "GlobalAveragePool": lambda graph, node, x: tf.reduce_mean(x, [1, 2], keepdims=True),
    "Flatten": lambda graph, node, x: tf.reshape(x, [x.shape[0], math.prod(x.shape[1:])]),
    # Channels are axis 1 in the graph.
    "Concat": lambda graph, node, *xs: tf.concat(xs, -1),
    "Softmax": lambda graph, node, x: tf.nn.softmax(x),
    "Relu": lambda graph, node, x: tf.nn.relu(x),
    "Clip": _clip,
    "Sigmoid": lambda graph, node, x: tf.sigmoid(x),
    "Add": _binary(tf.add),
    "Mul": _binary(tf.multiply),
}
