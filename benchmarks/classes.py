"""The classes that problems fall into by their shape, and how fast we want to be in each. Measures nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jobs import GRADIENTS, POOLINGS, Job
from training_networks import NETWORKS, Step

# Below this the call itself costs as much as its arithmetic: 5 MFLOP are 50 us of one core.
SMALL = 5e6
# Grey, colour, colour with alpha: too few channels for a vector.
FEW_CHANNELS = 4


@dataclass(frozen=True)
class Target:
    """The ratio over the best of these peers, all if none is named, as a geometric mean over the class."""

    ratio: float
    peers: tuple[str, ...] = ()

    def over(self) -> str:
        return ", ".join(self.peers) or "all"


# Those that never leave the direct algorithm.
DIRECT = ("torch", "onnxruntime", "openvino")
TARGETS: dict[str, tuple[Target, ...]] = {
    "3x3 stride 1": (Target(1.2), Target(2.7, DIRECT)),
    "3x3 dilated": (Target(2.5),),
    "5x5 stride 1": (Target(1.0, ("mnn",)), Target(1.8, (*DIRECT, "litert", "ncnn"))),
    "1x1": (Target(1.02), Target(0.97, ("litert",)), Target(1.05, DIRECT)),
    "strided, few channels": (Target(1.05),),
    "depthwise": (Target(1.4),),
    "grouped": (Target(2.0),),
    "small image": (Target(1.2),),
    "max-pool": (Target(1.3),),
    "average-pool": (Target(1.3),),
    "other": (),
    **{f"step, {network}": (Target({"mnist": 2.0, "resnet50": 1.4}.get(network, math.nan)),) for network in NETWORKS},
    **{
        f"{name}, {kind} gradient": (Target(ratio, ("torch",)),)
        for kind in GRADIENTS
        for name, ratio in (("3x3 stride 1", 2.0), ("depthwise", 5.0), ("first layer", 5.0), ("other", 1.1))
    },
}

# Fewer tiles of 4x4 results don't pay for the transforms of a Winograd algorithm.
ENOUGH_TILES = 50


def class_of(job: Job | Step) -> str:
    """The first that fits: what decides the algorithm comes before the size of the window."""
    if isinstance(job, Step):
        return f"step, {job.network}"
    if job.kind in POOLINGS:
        return f"{job.kind}-pool"
    if job.kind in GRADIENTS:
        return f"{_class_of_gradient(job)}, {job.kind} gradient"
    p = job.problem
    dense, stride_1 = set(p.dilation) == {1}, set(p.strides) == {1}
    rules = {
        "depthwise": 1 < p.groups == p.in_channels,
        "grouped": p.groups > 1,
        "1x1": set(p.kernel_size) == {1},
        "small image": p.batch == 1 and job.work() < SMALL,
        "strided, few channels": not stride_1 or p.in_channels <= FEW_CHANNELS,
        "3x3 stride 1": p.kernel_size == (3, 3) and dense,
        "3x3 dilated": p.kernel_size == (3, 3),
        "5x5 stride 1": p.kernel_size == (5, 5) and dense,
    }
    return next((name for name, fits in rules.items() if fits), "other")


def _class_of_gradient(job: Job) -> str:
    p = job.problem
    tiles = p.batch * math.prod(-(-size // 4) for size in p.output_size)
    rules = {
        "depthwise": 1 < p.groups == p.in_channels,
        "first layer": p.in_channels <= FEW_CHANNELS,
        "3x3 stride 1": p.kernel_size == (3, 3) and set(p.strides) == {1} and p.groups == 1 and tiles >= ENOUGH_TILES,
    }
    return next((name for name, fits in rules.items() if fits), "other")
