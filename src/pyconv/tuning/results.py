"""What `tune` tried and chose, to be read and printed. Measures nothing."""

from __future__ import annotations

from typing import NamedTuple

from pyconv.ops.conv_plans import Direction, Problem, plan_by


class Trial(NamedTuple):
    """The algorithms that were tried for one convolution.

    Attributes:
        isa: the instruction set.
        direction: "forward", or "backward_data" of a transposed convolution.
        problem: shapes, strides, pads, activation and precision.
        planned: the algorithm that the core chooses.
        chosen: the one that is used from now on.
        seconds: the time of a run by each algorithm, the median of all rounds.
    """

    isa: str
    direction: Direction
    problem: Problem
    planned: str
    chosen: str
    seconds: dict[str, float]

    @property
    def gain(self) -> float:
        """How many times as fast the convolution has become."""
        return self.seconds[self.planned] / self.seconds[self.chosen]


class Tuning(NamedTuple):
    """What `pyconv.tune` found: a trial for each convolution that several algorithms can compute; as text a table.

    Attributes:
        trials: the convolutions, in the order in which they were measured.
        complete: whether all were; if not, time was up, or somebody pressed Ctrl-C.
    """

    trials: list[Trial]
    complete: bool

    def __str__(self) -> str:
        lines = [("convolution", "planned", "chosen", "gain", "milliseconds of each"), *map(_cells, self.trials)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        changed = sum(trial.chosen != trial.planned for trial in self.trials)
        stopped = "" if self.complete else ", stopped before all were measured"
        return "\n".join([*texts, f"{changed} of {len(self.trials)} changed{stopped}"])


def _cells(trial: Trial) -> tuple[str, ...]:
    line = plan_by(trial.isa, trial.direction, trial.problem, "").describe().partition(" -> ")[0]
    activation = "" if trial.problem.activation == "linear" else f" {trial.problem.activation}"
    times = ", ".join(f"{name} {1e3 * seconds:.3f}" for name, seconds in trial.seconds.items())
    return line + activation, trial.planned, trial.chosen, f"{trial.gain:.2f}x", times
