"""The networks whose training is compared, each written once, as calls of a builder that every peer has its own of.

A builder has conv, batch_norm, relu, max_pool, global_average, flatten, dense and add; the tensors that go through them
are whatever its library computes with. The weights are the same in all: `weights` makes them in the order of the calls.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CLASSES = 10


def mnist(b: Any, x: Any) -> Any:
    """The network of Keras' MNIST tutorial."""
    x = b.max_pool(b.relu(b.conv(x, 32, 3, padding="valid", bias=True)))
    x = b.max_pool(b.relu(b.conv(x, 64, 3, padding="valid", bias=True)))
    x = b.flatten(b.relu(b.conv(x, 64, 3, padding="valid", bias=True)))
    return b.dense(b.relu(b.dense(x, 64)), CLASSES)


def resnet20(b: Any, x: Any) -> Any:
    """He et al. 2016, arXiv:1512.03385, section 4.2, with projections."""
    x = b.relu(b.batch_norm(b.conv(x, 16, 3)))
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            stride = 2 if stage and not block else 1
            shortcut = b.batch_norm(b.conv(x, filters, 1, stride)) if stride == 2 else x
            y = b.relu(b.batch_norm(b.conv(x, filters, 3, stride)))
            x = b.relu(b.add(b.batch_norm(b.conv(y, filters, 3)), shortcut))
    return b.dense(b.global_average(x), CLASSES)


def resnet50(b: Any, x: Any) -> Any:
    """The same, table 1, with the stride in the 3x3 and a max-pooling of 2x2."""
    x = b.max_pool(b.relu(b.batch_norm(b.conv(x, 64, 7, 2))))
    for stage, (filters, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            shortcut = x if block else b.batch_norm(b.conv(x, 4 * filters, 1, stride))
            y = b.relu(b.batch_norm(b.conv(x, filters, 1)))
            y = b.relu(b.batch_norm(b.conv(y, filters, 3, stride)))
            x = b.relu(b.add(b.batch_norm(b.conv(y, 4 * filters, 1)), shortcut))
    return b.dense(b.global_average(x), CLASSES)


def mobilenet_v2(b: Any, x: Any) -> Any:
    """Sandler et al. 2018, arXiv:1801.04381, table 2, with relu for relu6."""
    x, channels = b.relu(b.batch_norm(b.conv(x, 32, 3, 2))), 32
    table = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for expansion, filters, blocks, first_stride in table:
        for block in range(blocks):
            stride, wide = first_stride if block == 0 else 1, expansion * channels
            y = x if expansion == 1 else b.relu(b.batch_norm(b.conv(x, wide, 1)))
            y = b.relu(b.batch_norm(b.conv(y, wide, 3, stride, groups=wide)))
            y = b.batch_norm(b.conv(y, filters, 1))
            x, channels = b.add(x, y) if stride == 1 and channels == filters else y, filters
    x = b.relu(b.batch_norm(b.conv(x, 1280, 1)))
    return b.dense(b.global_average(x), CLASSES)


@dataclass(frozen=True)
class Step:
    """A training step: forward, cross-entropy, backward and plain gradient descent on one batch."""

    network: str
    batch: int

    @property
    def name(self) -> str:
        return f"{self.network}*{self.batch}"

    @property
    def learning_rate(self) -> float:
        """Large enough for a step to change the next one's loss by what a wrong gradient would be seen in, and so small
        that the loss falls about as the gradient says: from 3.74 to 1.60 in ResNet-50, whose gradient is 200 long. With
        0.01 a step goes a hundred times past that, and float32's rounding of the gradient is 0.04 of the loss.
        """
        return 1e-4 if self.network == "resnet50" else 0.01

    unit = "images/s"
    scale = 1

    def work(self) -> int:
        return self.batch


# The images of each, and how it is built.
NETWORKS: dict[str, tuple[tuple[int, int, int], Callable[[Any, Any], Any]]] = {
    "mnist": ((28, 28, 1), mnist),
    "resnet20": ((32, 32, 3), resnet20),
    "mobilenet_v2": ((224, 224, 3), mobilenet_v2),
    "resnet50": ((224, 224, 3), resnet50),
}
STEPS = (Step("mnist", 64), Step("mnist", 128), Step("resnet20", 64), Step("mobilenet_v2", 8), Step("resnet50", 8))
# Of the batch normalisations; the averages that they keep aren't looked at.
EPSILON = 1e-3


def data(step: Step) -> tuple[NDArray[Any], NDArray[Any]]:
    generator = np.random.default_rng(2)
    shape, _ = NETWORKS[step.network]
    return (
        generator.standard_normal((step.batch, *shape), np.float32),
        generator.integers(0, CLASSES, step.batch),
    )


class Weights:
    """Kernels in the order in which a network asks for them, scaled so that results keep their size (He)."""

    def __init__(self) -> None:
        self._generator = np.random.default_rng(3)

    def kernel(self, *shape: int) -> NDArray[np.float32]:
        """(*window, C / groups, F), or (K, U)."""
        return self._generator.standard_normal(shape, np.float32) * np.float32(math.sqrt(2 / math.prod(shape[:-1])))
