"""One measurement's numbers, and what follows from them. Prints nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from inference_networks import Inference
from jobs import Job
from training_networks import Step

OURS = "pyconv"
# Two good float32 results are 1e-6 or so from the true one. A peer beyond this bound has traded accuracy for speed and
# doesn't count as the best one.
ACCURATE = 1e-5


@dataclass(frozen=True)
class Limits:
    """What the machine can do with so many threads, measured between the peers."""

    flops: float  # float32 multiply-adds in registers, FLOP/s
    bytes: float  # a copy beyond all caches, bytes a second read and written


@dataclass
class Row:
    """One job at one number of threads: what each peer took, and how far its result is from float64's."""

    job: Job | Step | Inference
    threads: int
    limits: Limits
    accurate: float = ACCURATE  # the largest error that a peer may have and still be the best
    error: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)  # peer -> why it can't
    retaken: int = 0  # turns, of all peers, as the machine was disturbed

    def speed(self, peer: str) -> float:
        """In the job's unit."""
        return self.job.work() / self.seconds[peer] / self.job.scale

    def share(self) -> float:
        """Ours as a share of what the machine can do; above 1 for an algorithm that saves work, or data in a cache."""
        if isinstance(self.job, Step | Inference):
            return math.nan
        return self.speed(OURS) * 1e9 / (self.limits.flops if self.job.unit == "GFLOP/s" else self.limits.bytes)

    def best_peer(self, among: Sequence[str] = ()) -> str | None:
        peers = [
            name
            for name in self.seconds
            if name != OURS and self.error[name] <= self.accurate and (not among or name in among)
        ]
        return min(peers, key=self.seconds.__getitem__, default=None)

    def ratio(self, among: Sequence[str] = ()) -> float:
        """How many times faster we are than the best peer, of those named if any are; NaN without one."""
        best = self.best_peer(among)
        return self.seconds[best] / self.seconds[OURS] if best else math.nan
