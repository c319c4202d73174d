"""What one measurement computes: a problem and what of it, forward or a gradient. Runs nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import problems
from problems import Problem

POOLINGS = ("max", "average")
GRADIENTS = ("data", "weights")


@dataclass(frozen=True)
class Job:
    problem: Problem
    kind: str  # "conv"; "data" or "weights", its gradients, that of the weights with the bias'; "max" or "average"

    scale = 1e9  # of the unit

    @property
    def name(self) -> str:
        return self.problem.name if self.kind == "conv" else f"{self.problem.name} {self.kind}"

    @property
    def unit(self) -> str:
        return "GB/s" if self.kind in POOLINGS else "GFLOP/s"

    def work(self) -> int:
        """A convolution's direct multiply-adds times two, padding included, whatever an algorithm saves; a pooling's
        bytes of input and output, which are all that it should move.
        """
        p = self.problem
        outputs = p.batch * math.prod(p.output_size) * (p.out_channels or p.in_channels)
        if self.kind not in POOLINGS:
            return 2 * outputs * p.in_channels // p.groups * math.prod(p.kernel_size)
        return 4 * (p.batch * math.prod(p.input_size) * p.in_channels + outputs)


def read(path: Path, pattern: str, kinds: Sequence[str] = ("conv", *POOLINGS)) -> Iterator[Job]:
    """The jobs of these kinds from a problem file whose names the pattern finds: several for a problem, one by one."""
    for problem in problems.read(path):
        for kind in kinds:
            if (kind in POOLINGS) == bool(problem.out_channels):
                continue
            job = Job(problem, kind)
            if re.search(pattern, job.name):
                yield job
