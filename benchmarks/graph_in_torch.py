"""A network_graph.Graph as calls of PyTorch on channels_last images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F

import network_graph
from network_graph import Axis, Graph, Node

Run = Callable[..., Any]


class Network(torch.nn.Module):
    """Calls each node in turn. Where `mirrored`, from images turned round in both axes, to such."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        graph, self.mirrored = network_graph.as_liked(graph, one_pad)
        network_graph.join_silu(graph)
        self._constants = {}
        for number, (name, array) in enumerate(graph.constants.items()):
            tensor = torch.from_numpy(array.copy())
            if tensor.ndim == 4:
                tensor = tensor.contiguous(memory_format=torch.channels_last)
            self.register_buffer(f"constant{number}", tensor)
            self._constants[name] = f"constant{number}"
        last = {name: number for number, node in enumerate(graph.nodes) for name in node.inputs}
        # What no later node looks at is let go, as a program's own variables would be.
        done = [[name for name in {*node.inputs} if last[name] == i] for i, node in enumerate(graph.nodes)]
        self._steps = [
            (OPERATIONS[node.op](graph, node), node.inputs, node.output, names)
            for node, names in zip(graph.nodes, done, strict=True)
        ]

    def forward(self, x: Any) -> Any:
        values = {name: getattr(self, buffer) for name, buffer in self._constants.items()}
        values[network_graph.INPUT] = x
        for run, inputs, output, done in self._steps:
            values[output] = run(*[values[name] for name in inputs])
            for name in done:
                del values[name]
        return values[network_graph.OUTPUT]


def one_pad(axes: Sequence[Axis]) -> bool:
    """Whether one pad for both sides gives the same: a smaller one may grow as long as no further window fits."""
    return all(
        after <= before and (size + 2 * before - (window - 1) * dilation - 1) // stride + 1 == result
        for size, result, window, stride, dilation, (before, after) in axes
    )


def _windowed(make: Callable[[Node, list[int]], Run], fill: float) -> Callable[[Graph, Node], Run]:
    """An operation that gets one pad an axis, and images padded beforehand where there isn't one."""

    def operation(graph: Graph, node: Node) -> Run:
        axes = graph.axes(node)
        if one_pad(axes):
            return make(node, [axis.pads[0] for axis in axes])
        run, amounts = make(node, [0, 0]), [amount for axis in reversed(axes) for amount in axis.pads]
        return lambda x, *weights: run(F.pad(x, amounts, value=fill), *weights)

    return operation


def _conv(node: Node, pads: list[int]) -> Run:
    strides, dilations, group = (node.attributes.get(n, d) for n, d in (("strides", 1), ("dilations", 1), ("group", 1)))
    return lambda x, kernel, bias=None: F.conv2d(x, kernel, bias, strides, pads, dilations, group)


def _max_pool(node: Node, pads: list[int]) -> Run:
    return lambda x: F.max_pool2d(x, node.attributes["kernel_shape"], node.attributes["strides"], pads)


def _average_pool(node: Node, pads: list[int]) -> Run:
    window, strides = node.attributes["kernel_shape"], node.attributes["strides"]
    return lambda x: F.avg_pool2d(x, window, strides, pads, count_include_pad=False)


def _conv_transpose(graph: Graph, node: Node) -> Run:
    if any(node.attributes.get("pads", [])) or any(node.attributes.get("output_padding", [])):
        raise NotImplementedError("a transposed convolution that crops")
    return lambda x, kernel, bias=None: F.conv_transpose2d(x, kernel, bias, node.attributes["strides"])


def _batch_normalization(graph: Graph, node: Node) -> Run:
    epsilon = node.attributes["epsilon"]
    return lambda x, gamma, beta, mean, variance: F.batch_norm(x, mean, variance, gamma, beta, eps=epsilon)


def _gemm(graph: Graph, node: Node) -> Run:
    return lambda x, kernel, bias: torch.addmm(bias, x, kernel)


def _clip(graph: Graph, node: Node) -> Run:
    low, high = (graph.constants[name].item() for name in node.inputs[1:])
    return lambda x, *_: F.hardtanh(x, low, high)


OPERATIONS: dict[str, Callable[[Graph, Node], Run]] = {
    "Conv": _windowed(_conv, 0.0),
    "MaxPool": _windowed(_max_pool, float("-inf")),
    "AveragePool": _windowed(_average_pool, float("nan")),  # which would tell
    "ConvTranspose": _conv_transpose,
    "BatchNormalization": _batch_normalization,
    "Gemm": _gemm,
    "MatMul": lambda graph, node: torch.matmul,
    "GlobalAveragePool": lambda graph, node: lambda x: x.mean((2, 3), keepdim=True),
    "Flatten": lambda graph, node: lambda x: x.flatten(1),
    "Concat": lambda graph, node: lambda *xs: torch.cat(xs, node.attributes["axis"]),
    "Softmax": lambda graph, node: lambda x: torch.softmax(x, node.attributes["axis"]),
    "Relu": lambda graph, node: torch.relu,
    "Clip": _clip,
    "Silu": lambda graph, node: F.silu,
    "Sigmoid": lambda graph, node: torch.sigmoid,
    "Add": lambda graph, node: torch.add,
    "Mul": lambda graph, node: torch.mul,
}
