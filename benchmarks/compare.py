"""Sets pyconv beside its peers on problem files: equality first, then speed. Convolutions with bias, forward.

Every peer lives in a process of its own, is kept warm, and is called in turns with the others, so that whatever
else the machine does falls on all alike. The median over the rounds counts. Only ratios within one run mean anything.

    python benchmarks/compare.py benchmarks/problems/mnist.txt --threads 1 2 --json mnist.json
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import platform
import re
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))  # problems.py, the reader that the tests use

import problems  # noqa: E402
import worker  # noqa: E402
from peers import MODULES  # noqa: E402
from problems import Problem  # noqa: E402

OURS = "pyconv"
# Two good float32 results differ by 1e-6 or so. A peer beyond the first bound has traded accuracy for speed and
# doesn't count as the best one; beyond the second somebody computes something else, and no time is worth reading.
ACCURATE, EQUAL = 1e-5, 1e-3
# Idle threads of most runtimes spin before they sleep; the next peer must not be timed beside them.
PAUSE = 0.05


@dataclass
class Row:
    """One problem at one number of threads: what each peer took, and how far it is from ours."""

    problem: Problem
    threads: int
    error: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def gflops(self, peer: str) -> float:
        return flops(self.problem) / self.seconds[peer] / 1e9

    def best_peer(self) -> str | None:
        peers = [name for name in self.seconds if name != OURS and self.error[name] <= ACCURATE]
        return min(peers, key=self.seconds.__getitem__, default=None)

    def ratio(self) -> float:
        """How many times faster we are than the best peer; NaN without one."""
        best = self.best_peer()
        return self.seconds[best] / self.seconds[OURS] if best else math.nan


def flops(problem: Problem) -> int:
    """Direct multiply-adds times two, padding included, whatever an algorithm saves."""
    outputs = problem.batch * math.prod(problem.output_size) * (problem.out_channels or 0)
    return 2 * outputs * problem.in_channels // problem.groups * math.prod(problem.kernel_size)


@contextmanager
def started(names: Sequence[str], threads: int) -> Iterator[dict[str, Connection]]:
    """A process for each peer, ended at the end; those whose library isn't installed are left out."""
    context = multiprocessing.get_context("spawn")
    connections, processes = {}, []
    for name in names:
        ours, theirs = context.Pipe()
        process = context.Process(target=worker.serve, args=(theirs, name, threads), daemon=True)
        process.start()
        theirs.close()
        processes.append(process)
        try:
            print(f"{name} {ours.recv()}, {threads} thread(s)")
            connections[name] = ours
        except EOFError:
            print(f"{name} did not start and is left out")
    try:
        yield connections
    finally:
        for connection in connections.values():
            connection.send(None)
        for process in processes:
            process.join(timeout=10)


def measure(connections: dict[str, Connection], problem: Problem, threads: int, rounds: int, least: float) -> Row:
    """Compares the results, then times the peers in turns; each round begins with another of them."""
    row = Row(problem, threads)
    results = {name: ask(connection, "prepare", problem) for name, connection in connections.items()}
    for name, result in results.items():
        row.error[name] = relative_error(result, results[OURS])
        if not row.error[name] <= EQUAL:
            raise SystemExit(f"{problem.name}: {name} differs from {OURS} by {row.error[name]:.1e} (relative L2).")
    turns = list(connections)
    samples: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(rounds):
        for name in turns[number % len(turns) :] + turns[: number % len(turns)]:
            time.sleep(PAUSE)
            samples[name].append(ask(connections[name], "time", least))
    row.seconds = {name: statistics.median(values) for name, values in samples.items()}
    return row


def ask(connection: Connection, order: str, argument: Any) -> Any:
    connection.send((order, argument))
    return connection.recv()


def relative_error(result: NDArray[Any], expected: NDArray[Any]) -> float:
    """|result - expected| / |expected| in the Euclidean norm; infinite where the shapes differ."""
    if result.shape != expected.shape:
        return math.inf
    distance = np.linalg.norm(result.astype(np.float64).ravel() - expected.ravel())
    return float(distance / np.linalg.norm(expected.astype(np.float64).ravel()))


def table(rows: Sequence[Row], names: Sequence[str]) -> str:
    """GFLOP/s of each, our ratio over the best, and the largest difference between a peer's result and ours."""
    width = max(len(row.problem.name) for row in rows)
    lines = [
        f"{'problem':<{width}} " + "".join(f"{name:>13}" for name in names) + f"{'ratio':>8}  {'best peer':<13}error"
    ]
    for row in rows:
        speeds = "".join(f"{row.gflops(name):>13.1f}" for name in names)
        best = row.best_peer() or "-"
        lines.append(
            f"{row.problem.name:<{width}} {speeds}{row.ratio():>8.2f}  {best:<13}{max(row.error.values()):.0e}"
        )
    ratios = [row.ratio() for row in rows if not math.isnan(row.ratio())]
    if ratios:
        mean = f"{statistics.geometric_mean(ratios):.2f}"
        lines.append(f"{'geometric mean of the ratios':<{width + 13 * len(names) + 1}}{mean:>8}")
    return "\n".join(lines)


def report(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "problem": row.problem.name,
            "threads": row.threads,
            "flops": flops(row.problem),
            "seconds": row.seconds,
            "relative_error": row.error,
            "best_peer": row.best_peer(),
            "ratio": None if math.isnan(row.ratio()) else row.ratio(),
        }
        for row in rows
    ]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="problem files; all of benchmarks/problems by default")
    parser.add_argument("--threads", nargs="+", type=int, default=[1], metavar="N")
    parser.add_argument("--peers", nargs="+", choices=[name for name in MODULES if name != OURS], metavar="NAME")
    parser.add_argument("--match", default="", metavar="REGEX", help="only problems whose name it finds")
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    parser.add_argument("--min-time", type=float, default=0.1, metavar="SECONDS", help="of each peer in each round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    files = options.files or sorted((HERE / "problems").glob("*.txt"))
    names = [OURS, *(options.peers or [name for name in MODULES if name != OURS])]
    everything: list[Row] = []
    for threads in options.threads:
        with started(names, threads) as connections:
            if OURS not in connections:
                raise SystemExit("pyconv isn't installed for this Python.")
            for file in files:
                chosen = [problem for problem in problems.read(file) if re.search(options.match, problem.name)]
                rows = [measure(connections, p, threads, options.rounds, options.min_time) for p in chosen]
                if rows:
                    print(f"\n{file.stem}, {threads} thread(s), GFLOP/s")
                    print(table(rows, list(connections)), flush=True)
                everything += rows
    if options.json:
        text = json.dumps({"platform": platform.platform(), "rows": report(everything)}, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
