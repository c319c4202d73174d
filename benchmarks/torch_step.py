"""A network's training step by PyTorch: channels_last, cross-entropy, plain gradient descent by foreach functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

import training_networks
from training_networks import Step

F = torch.nn.functional


class Builder:
    """Makes its parameters at the first run of a network and finds them again, in order, at the later ones."""

    def __init__(self) -> None:
        self._weights = training_networks.Weights()
        self.parameters: list[Any] = []
        self._next = 0

    def begin(self) -> None:
        self._next = 0

    def _parameter(self, make: Callable[[], Any]) -> Any:
        if self._next == len(self.parameters):
            self.parameters.append(make().requires_grad_())
        self._next += 1
        return self.parameters[self._next - 1]

    def conv(
        self,
        x: Any,
        filters: int,
        size: int,
        stride: int = 1,
        groups: int = 1,
        padding: str = "same",
        bias: bool = False,
    ) -> Any:
        def make() -> Any:
            kernel = torch.from_numpy(self._weights.kernel(size, size, x.shape[1] // groups, filters))
            return kernel.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)

        weights = self._parameter(make)
        offset = self._parameter(lambda: torch.zeros(filters)) if bias else None
        if padding == "valid":
            return F.conv2d(x, weights, offset, stride, groups=groups)
        before, odd = divmod(max((-(-x.shape[2] // stride) - 1) * stride + size - x.shape[2], 0), 2)
        if odd:  # Keras' "same" has the odd zero at the end; a copy, which is PyTorch's way
            x, before = F.pad(x, (before, before + 1, before, before + 1)), 0
        return F.conv2d(x, weights, offset, stride, before, groups=groups)

    def dense(self, x: Any, units: int) -> Any:
        def make() -> Any:
            return torch.from_numpy(self._weights.kernel(x.shape[1], units)).T.contiguous()

        weights = self._parameter(make)
        return F.linear(x, weights, self._parameter(lambda: torch.zeros(units)))

    def batch_norm(self, x: Any) -> Any:
        gamma = self._parameter(lambda: torch.ones(x.shape[1]))
        beta = self._parameter(lambda: torch.zeros(x.shape[1]))
        return F.batch_norm(x, None, None, gamma, beta, training=True, eps=training_networks.EPSILON)

    def relu(self, x: Any) -> Any:
        return F.relu(x, inplace=True)

    def max_pool(self, x: Any) -> Any:
        return F.max_pool2d(x, 2)

    def global_average(self, x: Any) -> Any:
        return x.mean((2, 3))

    def flatten(self, x: Any) -> Any:
        return x.permute(0, 2, 3, 1).flatten(1)

    def add(self, x: Any, y: Any) -> Any:
        return x + y


def prepare(step: Step) -> Callable[[], Any]:
    """One step, whose result is the loss before it, after a first one."""
    torch.set_grad_enabled(True)
    _, network = training_networks.NETWORKS[step.network]
    x, y = training_networks.data(step)
    images, labels = torch.from_numpy(x).movedim(-1, 1), torch.from_numpy(y)
    builder = Builder()

    def run() -> Any:
        builder.begin()
        loss = F.cross_entropy(network(builder, images), labels)
        gradients = torch.autograd.grad(loss, builder.parameters)
        with torch.no_grad():
            torch._foreach_add_(builder.parameters, gradients, alpha=-step.learning_rate)
        return loss

    run()
    return run
