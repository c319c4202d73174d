"""The core's plan for a problem of the files."""

from __future__ import annotations

from typing import Any

from problems import Problem
from pyconv import _core


def plan(
    problem: Problem, direction: Any = "forward", dtype: Any = "float32", algorithm: str = "", **options: Any
) -> _core.ConvPlan:
    """A ConvPlan; options are its precision, activation and negative_slope."""
    return _core.ConvPlan(
        "conv",
        direction,
        dtype,
        problem.batch,
        problem.in_channels,
        problem.out_channels or 0,
        problem.groups,
        problem.input_size,
        problem.kernel_size,
        problem.strides,
        problem.dilation,
        problem.pads,
        algorithm,
        **options,
    )
