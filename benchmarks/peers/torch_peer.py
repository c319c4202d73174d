"""PyTorch at its best: channels_last images, in two dimensions with the weights packed by oneDNN beforehand.

Timed: a call of the operation, from tensor to tensor.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import graph_in_torch
import network_graph
import torch_step
from peers import base
from problems import Problem
from training_networks import Step


class Peer(base.Peer):
    version = torch.__version__

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self._mirrored = False

    def prepare(self, problem: Problem, x: base.Array, kernel: base.Array, bias: base.Array) -> Callable[[], Any]:
        rank = problem.rank
        # The transposed view of an NHWC array is what torch calls channels_last.
        images = torch.from_numpy(x).movedim(-1, 1)
        weights = torch.from_numpy(kernel).permute(rank + 1, rank, *range(rank)).contiguous()
        offsets = torch.from_numpy(bias)
        pads = base.symmetric_pads(problem)
        if pads is None:
            return self._padded_first(problem, images, weights, offsets)
        if rank == 2 and torch.backends.mkldnn.is_available():
            arguments = (pads, problem.strides, problem.dilation, problem.groups)
            packed = torch._C._nn.mkldnn_reorder_conv2d_weight(weights.to_mkldnn(), *arguments, images.shape)
            run = torch.ops.mkldnn._convolution_pointwise
            return functools.partial(run, images, packed, offsets, *arguments, "none", [], "")
        function = getattr(torch.nn.functional, f"conv{rank}d")
        return functools.partial(
            function, images, weights, offsets, problem.strides, pads, problem.dilation, problem.groups
        )

    def prepare_pool(self, problem: Problem, kind: str, x: base.Array) -> Callable[[], Any]:
        images, rank, pads = torch.from_numpy(x).movedim(-1, 1), problem.rank, base.symmetric_pads(problem)
        if pads is None or (kind == "average" and any(step > 1 for step in problem.dilation)):
            raise base.UnsupportedError("its pooling has one pad an axis, and the average no dilation")
        if kind == "max":
            function = getattr(torch.nn.functional, f"max_pool{rank}d")
            return functools.partial(function, images, problem.kernel_size, problem.strides, pads, problem.dilation)
        function = getattr(torch.nn.functional, f"avg_pool{rank}d")
        arguments = (problem.kernel_size, problem.strides, pads)
        return functools.partial(function, images, *arguments, count_include_pad=False)

    def prepare_gradient(
        self, problem: Problem, kind: str, x: base.Array, kernel: base.Array, dy: base.Array
    ) -> Callable[[], Any]:
        rank, pads = problem.rank, base.symmetric_pads(problem)
        if pads is None:
            raise base.UnsupportedError("its convolution has one pad an axis")
        images, gradient = (torch.from_numpy(array).movedim(-1, 1) for array in (x, dy))
        weights = torch.from_numpy(kernel).permute(rank + 1, rank, *range(rank))
        if rank == 2:
            weights = weights.contiguous(memory_format=torch.channels_last)
        geometry = (problem.strides, pads, problem.dilation, False, [0] * rank, problem.groups)
        run = functools.partial(
            torch.ops.aten.convolution_backward, gradient, images, weights, [problem.out_channels], *geometry
        )
        if kind == "data":
            return lambda: run([True, False, False])[0]
        # Seen so that as_array brings its axes into the kernel's order.
        return lambda: run([False, True, True])[1].permute(2, 0, *range(3, rank + 2), 1)

    def prepare_step(self, step: Step, dtype: str) -> Callable[[], Any]:
        return torch_step.prepare(step)

    def prepare_network(self, folder: Path, x: base.Array) -> Callable[[], Any]:
        network = graph_in_torch.Network(network_graph.read(folder / "model.onnx", len(x))).eval()
        self._mirrored = network.mirrored
        images = torch.from_numpy(base.turned(x) if network.mirrored else x).movedim(-1, 1)
        return functools.partial(self._whole(network), images)

    def _whole(self, network: Any) -> Any:
        """What is called for a network, the module as it is."""
        return network

    def _padded_first(self, problem: Problem, images: Any, weights: Any, offsets: Any) -> Callable[[], Any]:
        function = getattr(torch.nn.functional, f"conv{problem.rank}d")
        amounts = [amount for pads in reversed(problem.pads) for amount in pads]

        def run() -> Any:
            padded = torch.nn.functional.pad(images, amounts)
            return function(padded, weights, offsets, problem.strides, 0, problem.dilation, problem.groups)

        return run

    def as_array(self, result: Any) -> base.Array:
        result = result.detach()
        y = np.asarray((result.movedim(1, -1) if result.ndim > 1 else result).numpy(), order="C")
        return base.turned(y) if self._mirrored else y
