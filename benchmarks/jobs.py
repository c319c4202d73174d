"""What one measurement computes: a problem and, for a pooling, which. Runs nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import problems
from problems import Problem


@dataclass(frozen=True)
class Job:
    problem: Problem
    kind: str  # "conv", "max" or "average"

    @property
    def name(self) -> str:
        return self.problem.name if self.kind == "conv" else f"{self.problem.name} {self.kind}"

    @property
    def unit(self) -> str:
        return "GFLOP/s" if self.kind == "conv" else "GB/s"

    def work(self) -> int:
        """A convolution's direct multiply-adds times two, padding included, whatever an algorithm saves; a pooling's
        bytes of input and output, which are all that it should move.
        """
        p = self.problem
        outputs = p.batch * math.prod(p.output_size) * (p.out_channels or p.in_channels)
        if self.kind == "conv":
            return 2 * outputs * p.in_channels // p.groups * math.prod(p.kernel_size)
        return 4 * (p.batch * math.prod(p.input_size) * p.in_channels + outputs)


def read(path: Path, pattern: str) -> Iterator[Job]:
    """A job for each convolution of a problem file whose name the pattern finds, and two for each pooling."""
    for problem in problems.read(path):
        for kind in ("conv",) if problem.out_channels else ("max", "average"):
            job = Job(problem, kind)
            if re.search(pattern, job.name):
                yield job
