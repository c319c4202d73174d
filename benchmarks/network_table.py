"""What networks.py measured, as tables: images a second of each peer, ours over the best one's. Measures nothing."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from inference_networks import NETWORKS
from rows import OURS

TARGET, LEAST = 1.25, 1.0  # over the best peer: the geometric mean, and each network
# A call for one digit, over one of ONNX Runtime.
SMALL, SMALL_PEER, SMALL_TARGET = "mnist", "onnxruntime", 3.0


@dataclass
class Cell:
    """A network, its batch and a number of threads, put together from the runs that timed it."""

    network: str
    batch: int
    threads: int
    ours: list[float] = field(default_factory=list)  # seconds a call
    ratios: dict[str, float] = field(default_factory=dict)  # a peer's seconds over ours in the same run
    rough: set[str] = field(default_factory=set)  # whose errors are too large for them to count as the best

    def best(self) -> str | None:
        return min(self.ratios.keys() - self.rough, key=self.ratios.__getitem__, default=None)

    def ratio(self) -> float | None:
        best = self.best()
        return self.ratios[best] if best else None

    def speed(self, name: str) -> float:
        """Images a second. Runs differ in how fast the machine was, so a peer's follows from its ratio."""
        ours = self.batch / statistics.median(self.ours)
        return ours if name == OURS else ours / self.ratios[name]


def cells(runs: Sequence[dict[str, Any]]) -> list[Cell]:
    """By threads, batch and network; where several runs timed the same, a peer's last counts."""
    found: dict[tuple[str, int, int], Cell] = {}
    for run in runs:
        for row in run["rows"]:
            key = (row["network"], row["batch"], row["threads"])
            cell = found.setdefault(key, Cell(*key))
            seconds, errors = row["seconds"], row["relative_error"]
            cell.ours.append(seconds[OURS])
            cell.ratios |= {name: value / seconds[OURS] for name, value in seconds.items() if name != OURS}
            cell.rough |= {name for name in cell.ratios if errors.get(name, 0) > run["accurate"]}
    order = list(NETWORKS)
    return sorted(found.values(), key=lambda cell: (cell.threads, cell.batch, order.index(cell.network)))


def line(row: dict[str, Any]) -> str:
    """One measurement, for whoever waits."""
    speeds = [f"{name} {row['batch'] / seconds:.1f}" for name, seconds in row["seconds"].items()]
    errors = [f"{name} {error:.0e}" for name, error in row["relative_error"].items()]
    reasons = [f"\n  {name}: {reason}" for name, reason in row["refused"].items()]
    what = "images/s: " + ", ".join(speeds) if speeds else "errors: " + ", ".join(errors)
    return f"{row['network']}, batch {row['batch']}, {row['threads']} thread(s), {what}{''.join(reasons)}"


def tables(measured: Sequence[Cell]) -> Iterator[str]:
    """Markdown: a table for each number of threads and batch, and what the targets say."""
    groups: dict[tuple[int, int], list[Cell]] = {}
    for cell in measured:
        groups.setdefault((cell.threads, cell.batch), []).append(cell)
    for (threads, batch), group in groups.items():
        names = list(dict.fromkeys(name for cell in group for name in cell.ratios))
        yield f"### {batch} image{'s' if batch > 1 else ''}, {threads} thread{'s' if threads > 1 else ''}, images/s\n"
        yield f"| network | {OURS} | {' | '.join(names)} | over the best | |"
        yield "|---|" + "--:|" * (len(names) + 2) + "---|"
        for cell in group:
            speeds = " | ".join(_speed(cell, name) for name in [OURS, *names])
            ratio = cell.ratio()
            yield f"| {cell.network} | {speeds} | {'' if ratio is None else f'{ratio:.2f}'} | {cell.best() or ''} |"
        yield ""
    yield from _verdicts(measured)


def _speed(cell: Cell, name: str) -> str:
    if name != OURS and name not in cell.ratios:
        return ""
    speed = cell.speed(name)
    text = f"{speed:.1f}" if speed < 1000 else f"{speed:.0f}"
    return f"({text})" if name in cell.rough else text


def _verdicts(measured: Sequence[Cell]) -> Iterator[str]:
    def verdict(value: float, target: float) -> str:
        return "met" if value >= target else "**unmet**"

    counted = [cell for cell in measured if cell.network != SMALL and cell.ratio() is not None]
    if counted:
        yield "| over the best peer, all networks but the small one | threads | seen | target | |"
        yield "|---|--:|--:|--:|---|"
        for threads in sorted({cell.threads for cell in counted}):
            ratios = [(cell.ratio() or 0.0, cell) for cell in counted if cell.threads == threads]
            mean = statistics.geometric_mean(ratio for ratio, _ in ratios)
            least, where = min(ratios, key=lambda pair: pair[0])
            yield f"| geometric mean | {threads} | {mean:.2f} | {TARGET:.2f} | {verdict(mean, TARGET)} |"
            name = f"{where.network}, batch {where.batch}"
            yield f"| least ({name}) | {threads} | {least:.2f} | {LEAST:.2f} | {verdict(least, LEAST)} |"
    for cell in measured:
        if cell.network == SMALL and SMALL_PEER in cell.ratios:
            ratio = cell.ratios[SMALL_PEER]
            calls = f"{cell.threads} thread(s): {ratio:.2f} times {SMALL_PEER}'s speed on {SMALL}, one image a call"
            yield f"\n{calls}; the target of {SMALL_TARGET:.1f} is {verdict(ratio, SMALL_TARGET)}."
