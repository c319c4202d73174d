"""A program as a table: what each step joins and costs, and with times how near the machine's limit it comes."""

from __future__ import annotations

import json
import time
from typing import Any, NamedTuple

import numpy as np

from pyconv import _core
from pyconv.gradient import Array
from pyconv.ops.arrays import contiguous
from pyconv.ops.conv_plans import noting
from pyconv.program.building import CallStage, Compiled, CoreStage
from pyconv.program.graph import Node, Value
from pyconv.program.interpreter import plans_of

# How long the machine's limit is measured: a tenth of a second holds some hundred million multiply-adds.
_PEAK_SECONDS = 0.1


class Step(NamedTuple):
    """One step of a program; numbers are those of the whole batch.

    Attributes:
        layers: the names of the layers that it computes.
        kind: what it is.
        algorithm: how the core does it, "python" for a call of the layer itself.
        input_shapes: one sample's.
        output_shape: one sample's.
        block: how many samples it takes at a time.
        flops: multiply-adds count twice.
        bytes: read and written, weights among them each time that they are read.
        workspace: bytes of scratch memory.
        seconds: the time that it took, None in a plan.
        tuned: whether the algorithm was measured to be the fastest, by `pyconv.tune`.
    """

    layers: tuple[str, ...]
    kind: str
    algorithm: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shape: tuple[int, ...]
    block: int
    flops: int
    bytes: int
    workspace: int
    seconds: float | None = None
    tuned: bool = False


class ProgramReport(NamedTuple):
    """The steps of a model's program for a batch; printed it is a table, with times if it has been run.

    Attributes:
        batch_size: the number of samples.
        threads: how many threads there are.
        arena: bytes that the values between the steps lie in, for each thread that takes samples of its own.
        steps: the steps, in the order in which they run.
        peak: the most float32 operations a second that the machine's multiply-adds reach, None in a plan.
    """

    batch_size: int
    threads: int
    arena: int
    steps: list[Step]
    peak: float | None = None

    @property
    def seconds(self) -> float | None:
        """The sum of the steps' times."""
        times = [step.seconds for step in self.steps if step.seconds is not None]
        return sum(times) if times else None

    def as_dict(self) -> dict[str, Any]:
        """All numbers, of lists, dictionaries, numbers and texts alone."""
        return {**self._asdict(), "steps": [step._asdict() for step in self.steps]}

    def to_json(self, **kwargs: Any) -> str:
        """The same as text; arguments are those of `json.dumps`."""
        return json.dumps(self.as_dict(), **kwargs)

    def __str__(self) -> str:
        timed = self.seconds is not None
        head = ["layers", "kind", "algorithm", "output", "block", "MFLOP", "MB", "workspace MB"]
        lines = [head + (["ms", "GFLOP/s", "% of peak"] if timed else [])]
        lines += [_cells(step, self.peak) for step in self.steps]
        total = sum(step.flops for step in self.steps), sum(step.bytes for step in self.steps)
        last = ["sum", "", "", "", "", f"{total[0] / 1e6:.1f}", f"{total[1] / 1e6:.1f}", ""]
        lines.append(last + (_speed(total[0], self.seconds, self.peak) if timed else []))
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        texts = [_aligned(line, widths) for line in lines]
        title = f"a batch of {self.batch_size}, threads: {self.threads}, arena: {self.arena / 2**20:.2f} MiB"
        return "\n".join([title, *(text.rstrip() for text in texts)])


_TEXTS = 4  # columns of words, which begin at the left
_LONGEST = 40  # letters of the layers' names in a table


def plan(compiled: Compiled, batch: int) -> ProgramReport:
    """The steps of a program."""
    steps = [step for stage in compiled.stages for step in _steps_of(stage, batch)]
    cores = [stage for stage in compiled.stages if isinstance(stage, CoreStage)]
    arena = max((stage.places(stage.block(batch)).bytes for stage in cores), default=0)
    return ProgramReport(batch, _core.get_num_threads(), arena, steps)


def profile(compiled: Compiled, arrays: list[Array], repeats: int) -> ProgramReport:
    """The steps with the least time that each took in so many runs, after one that isn't counted."""
    report = plan(compiled, len(arrays[0]))
    runs = [_times(compiled, arrays) for _ in range(repeats + 1)][1:]
    least = np.min(runs, axis=0)
    steps = [step._replace(seconds=float(seconds)) for step, seconds in zip(report.steps, least, strict=True)]
    return report._replace(steps=steps, peak=_core.fma_peak(report.threads, _PEAK_SECONDS))


def _steps_of(stage: CoreStage | CallStage, batch: int) -> list[Step]:
    if isinstance(stage, CallStage):
        return [_step(stage.node, "python", batch, 0, _bytes(stage.node) * batch, 0)]
    found = []
    built = stage.built(batch)
    for node, facts in zip(built.step_nodes, built.program.steps(), strict=True):
        times = batch // built.block
        size = (facts["bytes_read"] + facts["bytes_written"]) * times
        step = _step(node, facts["algorithm"], built.block, facts["flops"] * times, size, facts["workspace_bytes"])
        found.append(step._replace(tuned=_is_tuned(node, built.block)))
    return found


def _is_tuned(node: Node, block: int) -> bool:
    with noting() as asked:
        plans_of(node.kind, (block, *node.inputs[0].shape))
    return any(asked.algorithms.values())


def _step(node: Node, algorithm: str, block: int, flops: int, size: int, workspace: int) -> Step:
    kind = type(node.kind).__name__.lower()
    inputs = tuple(value.shape for value in node.inputs)
    layers = tuple(dict.fromkeys(node.layers))
    return Step(layers, kind, algorithm, inputs, node.outputs[0].shape, block, flops, size, workspace)


def _bytes(node: Node) -> int:
    return 4 * sum(value.size for value in (*node.inputs, *node.outputs))


def _times(compiled: Compiled, arrays: list[Array]) -> list[float]:
    """The seconds of each step in one run."""
    values: dict[Value, Array] = dict(zip(compiled.graph.inputs, arrays, strict=True))
    batch, seconds = len(arrays[0]), list[float]()
    for stage in compiled.stages:
        if isinstance(stage, CallStage):
            begin = time.perf_counter()
            stage.run(values, batch)
            seconds.append(time.perf_counter() - begin)
            continue
        given = [contiguous(values[value]) for value in stage.inputs]
        made = [_core.empty("float32", (batch, *value.shape)) for value in stage.outputs]
        built = stage.built(batch)
        seconds += built.program.profile(given, made, batch // built.block)
        values.update(zip(stage.outputs, made, strict=True))
    return seconds


def _cells(step: Step, peak: float | None) -> list[str]:
    names = "+".join(step.layers)
    names = names if len(names) <= _LONGEST else f"{names[: _LONGEST - 3]}..."
    shape = "x".join(map(str, step.output_shape))
    sizes = [f"{number / 1e6:.1f}" for number in (step.flops, step.bytes, step.workspace)]
    cells = [names, step.kind, f"{step.algorithm}{' (tuned)' if step.tuned else ''}", shape, str(step.block), *sizes]
    return cells if step.seconds is None else cells + _speed(step.flops, step.seconds, peak)


def _aligned(cells: list[str], widths: list[int]) -> str:
    """The cells in columns, words at the left and numbers at the right of theirs."""
    words = [cell.ljust(width) for cell, width in zip(cells[:_TEXTS], widths, strict=False)]
    numbers = [cell.rjust(width) for cell, width in zip(cells[_TEXTS:], widths[_TEXTS:], strict=True)]
    return "  ".join(words + numbers)


def _speed(flops: int, seconds: float | None, peak: float | None) -> list[str]:
    if not seconds:
        return ["", "", ""]
    rate = flops / seconds
    share = f"{100 * rate / peak:.0f}" if peak and flops else ""
    return [f"{seconds * 1e3:.3f}", f"{rate / 1e9:.1f}" if flops else "", share]
