"""The times of several algorithms for one convolution, taken in turns, and which of them is surely faster."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from pyconv import _core
from pyconv.ops.conv_plans import Key, plan_by
from pyconv.tuning.results import Trial

# What another algorithm must gain: medians of the same code, taken in turns, were up to 2 % apart on a machine with
# other work, and a change of algorithm changes the last bits of results, which nobody wants for nothing.
_LEAST_GAIN = 1.03
# And what it must save in seconds: less than that isn't seen beside what a call from Python takes.
_LEAST_SAVED = 1e-6
# Rounds in which each algorithm has its turn. The first half nominates the fastest, the second confirms it: of several
# that are equally fast one always looks best in the rounds that it was picked by.
_ROUNDS = 10
# A turn takes at least 2 ms, some hundred times what waking threads or reading the clock does.
_TURN = 2e-3
# What takes so much longer in its first runs won't be the fastest in more of them.
_HOPELESS = 1.5
# Bytes of packed weights and scratch memory beyond which a candidate isn't tried, unless the core's choice needs more.
_MOST_MEMORY = 2**30
# A model comes back to a convolution's weights after all its others, and finds them where so many bytes leave them, in
# a cache or in memory. So runs take copies of them in turn: as many as come to the model's weights, to these bytes,
# which are more than a core's caches, or to this number.
_WEIGHTS, _COPIES = 2**25, 16
# Numbers that arrays are filled with, over and over: any serve, but for 0 and those so small that CPUs stumble.
_NUMBERS = 4099

Run = Callable[[], object]


class OutOfTimeError(Exception):
    """The deadline has come before the measurements were done."""


class Wanted(NamedTuple):
    """A plan that a model asks for.

    Attributes:
        key: the plan's.
        images: how many a program gives to its threads at once; 1 for a layer's call.
        weights: bytes of all the model's weights.
    """

    key: Key
    images: int
    weights: int


def candidates(key: Key) -> list[_core.ConvPlan]:
    """The core's choice, and the plans of the other algorithms that serve the problem at its precision."""
    isa, direction, problem = key
    planned = plan_by(isa, direction, problem, "")
    found = [planned]
    for name in _core.conv_algorithms():
        if name in (planned.algorithm, "reference"):  # which is never fast
            continue
        with contextlib.suppress(ValueError):  # it refuses
            plan = _core.ConvPlan(direction=direction, algorithm=name, **problem._asdict())
            if _memory(plan) <= max(_MOST_MEMORY, _memory(planned)):
                found.append(plan)
    return found


def measured(wanted: Wanted, plans: list[_core.ConvPlan], deadline: float) -> Trial:
    """The trial of plans of which the core's choice comes first; OutOfTimeError where they take too long."""
    first: dict[str, float] = {}
    runs: dict[str, tuple[_core.ConvPlan, Run]] = {}
    for plan, run in zip(plans, _runs(wanted, plans), strict=True):
        run()  # which finds its memory
        first[plan.algorithm] = seconds_of(plan, run, 2)
        runs[plan.algorithm] = plan, run
        _require_time(deadline)
    planned = plans[0].algorithm
    names = [name for name in first if name == planned or first[name] <= _HOPELESS * min(first.values())]
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(_ROUNDS if len(names) > 1 else 1):
        for place in range(len(names)):
            name = names[(place + number) % len(names)]  # none always follows the same one
            plan, run = runs[name]
            times[name].append(seconds_of(plan, run, math.ceil(_TURN / max(first[name], 1e-6))))
            _require_time(deadline)
    seconds = first | {name: statistics.median(series) for name, series in times.items()}
    return Trial(*wanted.key, planned, fastest(times, planned), seconds)


def fastest(times: dict[str, list[float]], planned: str) -> str:
    """The algorithm that is nominated by one half of the rounds and confirmed by the other; or else the planned one."""
    half = len(times[planned]) // 2
    if half == 0:
        return planned
    name = min(times, key=lambda name: statistics.median(times[name][:half]))
    for rounds in (slice(None, half), slice(half, None)):
        # Round by round: where the machine is slow for a while, it is for both.
        pairs = list(zip(times[planned][rounds], times[name][rounds], strict=True))
        gain, saved = statistics.median(a / b for a, b in pairs), statistics.median(a - b for a, b in pairs)
        if gain < _LEAST_GAIN or saved < _LEAST_SAVED:
            return planned
    return name


def seconds_of(plan: _core.ConvPlan, run: Run, repeats: int) -> float:
    """How long a run of the plan takes, as the mean of several."""
    begin = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - begin) / repeats


def _runs(wanted: Wanted, plans: list[_core.ConvPlan]) -> Iterator[Run]:
    """A run of each plan on the same arrays, with packed weights, as layers and programs do when they predict."""
    _, direction, problem = wanted.key
    images = wanted.images
    src, weights, dst = (
        _filled(shape, problem.dtype) for shape in (plans[0].src_shape, plans[0].weights_shape, plans[0].dst_shape)
    )
    given, made = (src, dst) if direction == "forward" else (dst, src)
    if images > 1:
        given, made = (np.concatenate([array] * images) for array in (given, made))
    copies = max(1, min(_COPIES, min(_WEIGHTS, wanted.weights) // weights.nbytes))
    sizes = [array.nbytes // images for array in (given, made)]
    for plan in plans:
        runs: list[Run] = []
        for packed in [plan.pack(weights) for _ in range(copies)]:
            if images == 1:
                runs.append(functools.partial(plan.run, src, packed, None, dst))
                continue
            # As in a model's program, whose threads take images of their own.
            builder = _core.ProgramBuilder(sizes[:1], sizes[1:], 0)
            builder.conv(plan, (2, 0, sizes[0]), packed, None, (3, 0, sizes[1]))
            runs.append(functools.partial(builder.build().run, [given], [made], images))
        yield _in_turn(runs)


def _in_turn(runs: list[Run]) -> Run:
    turns = itertools.cycle(runs)

    def run() -> object:
        return next(turns)()

    return run


def _filled(shape: tuple[int, ...], dtype: str) -> np.ndarray[Any, Any]:
    numbers = np.random.default_rng(0).standard_normal(_NUMBERS).astype(dtype)
    return np.resize(numbers, shape)


def _memory(plan: _core.ConvPlan) -> int:
    return plan.packed_bytes + plan.workspace_bytes


def _require_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise OutOfTimeError
