"""Sets pyconv beside its peers on problem files: equality first, then speed. Convolutions and poolings, forward.

Every peer lives in a process of its own, is kept warm, and is called in turns with the others, so that whatever
else the machine does falls on all alike. A turn after which the machine isn't as fast as it can be is taken again. The
median over the rounds counts. Only ratios within one run mean anything. After three rounds only those go on that may be
the best: many short turns tell two libraries apart that a few long ones can't.

    python benchmarks/compare.py benchmarks/problems/mnist.txt --threads 1 2 --json mnist.json
    python benchmarks/compare.py benchmarks/problems/mnist.txt --against benchmarks/results/KEPT.json
    python benchmarks/compare.py --peers x86_64_v3    # our own kernels for AVX2: at most 1 / 0.85 = 1.18 is the aim
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import multiprocessing
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))  # problems.py, the reader that the tests use

import jobs  # noqa: E402
import limits  # noqa: E402
import regressions  # noqa: E402
import report  # noqa: E402
import worker  # noqa: E402
from jobs import Job  # noqa: E402
from peers import MODULES, TABLES  # noqa: E402
from rows import ACCURATE, OURS, Row  # noqa: E402

# Beyond this relative error somebody computes something else, and no time is worth reading.
EQUAL = 1e-3
# Long enough for some run of the limits' few milliseconds to be undisturbed.
LIMITS_TIME = 0.2
# A turn is taken again so often at most, each time after so many seconds of waiting at most.
RETAKES, WAITING = 3, 0.5
# Times as many rounds decide whether a ratio has really dropped.
SURE = 3
# All peers take so many rounds, and the others those within so much of the best one's time: medians of three rounds
# scatter by a fifth.
ALL_ROUNDS, NEAR = 3, 1.3
# So many go on, ours among them, as far as an estimate knows.
GO_ON = 3
# Problems that nothing was tuned on tell apart from the others whether the tuning holds.
HELD_OUT = "odd"


@contextmanager
def started(names: Sequence[str], threads: int) -> Iterator[tuple[dict[str, Connection], dict[str, str]]]:
    """A process for each peer, ended at the end, and its version; those whose library isn't installed are left out."""
    context = multiprocessing.get_context("spawn")
    opened, connections, versions, processes = {}, {}, {}, []
    for name in names:
        opened[name], theirs = context.Pipe()
        process = context.Process(target=worker.serve, args=(theirs, name, threads), daemon=True)
        process.start()
        theirs.close()
        processes.append(process)
    for name, ours in opened.items():
        answer = received(ours, name)
        if isinstance(answer, worker.Refusal):
            print(f"{name} is left out: {answer.reason}")
        else:
            connections[name], versions[name] = ours, answer
    print(f"{threads} thread(s): " + ", ".join(f"{name} {version}" for name, version in versions.items()), flush=True)
    try:
        yield connections, versions
    finally:
        for connection in connections.values():
            connection.send(None)
        for process in processes:
            process.join(timeout=10)


def measure(
    connections: dict[str, Connection],
    row: Row,
    rounds: int,
    least: float,
    truth: Any = None,
    equal: float = EQUAL,
    leaves_out: bool = False,
    side_by_side: bool = True,
) -> Row:
    """Compares the results, then times the peers in turns; each round begins with another of them.

    A result that isn't equal ends the run, or leaves its peer out if so told. Nothing is timed while the peers prepare
    the job, so they may do it side by side, if that doesn't take too much memory.
    """
    for name, connection in connections.items():
        if side_by_side and name != OURS:
            connection.send(("prepare", (row.job, "float32")))
    if truth is None:
        truth = ask(connections, OURS, "prepare", (row.job, "float64"))
    for name, connection in connections.items():
        if name == OURS or not side_by_side:
            connection.send(("prepare", (row.job, "float32")))
        result = received(connection, name)
        if isinstance(result, worker.Refusal):
            row.refused[name] = result.reason
            continue
        error = relative_error(result, truth)
        if error <= equal:
            row.error[name] = error
        elif leaves_out and name != OURS:
            row.refused[name] = f"its result is {error:.1e} from float64's"
        else:
            raise SystemExit(f"{row.job.name}: {name} is {error:.1e} (relative L2) from float64's result.")
    if OURS in row.refused:
        raise SystemExit(f"{row.job.name}: {OURS} refuses it: {row.refused[OURS]}")
    worker.rest()  # NumPy's threads, which told the errors
    take_turns(connections, row, rounds, least)
    return row


def take_turns(connections: dict[str, Connection], row: Row, rounds: int, least: float) -> None:
    """All whose result is right in the first rounds, then those that may be the best."""
    turns = list(row.error)
    samples: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(rounds):
        if number == ALL_ROUNDS:
            row.seconds = medians(samples)
            turns = contenders(row)
        first = number % len(turns)
        for name in turns[first:] + turns[:first]:
            # One round is a look, by tests, too, which don't have the machine to themselves.
            samples[name].append(turn(connections, name, row, least, RETAKES if rounds > 1 else 0))
    row.seconds = medians(samples)


def medians(samples: dict[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(values) for name, values in samples.items() if values}


def contenders(row: Row) -> list[str]:
    """Ours, and the peers that take no longer than NEAR times the best; all where none counts."""
    best = row.best_peer()
    longest = NEAR * row.seconds[best] if best else math.inf
    return [name for name, seconds in row.seconds.items() if name == OURS or seconds <= longest]


def turn(connections: dict[str, Connection], name: str, row: Row, least: float, retakes: int) -> float:
    """Seconds a call, in a turn after which the machine still reaches its limit, or else in the last of several.

    For tenths of a second the host may run two virtual CPUs on one core; nothing but their speed tells.
    """
    seconds: float = ask(connections, name, "time", least)
    for _ in range(retakes):
        if limits.reached(row.limits, row.threads):
            break
        row.retaken += 1
        end = time.perf_counter() + WAITING
        while not limits.reached(row.limits, row.threads) and time.perf_counter() < end:
            pass
        seconds = ask(connections, name, "time", least)
    return seconds


def confirmed(
    connections: dict[str, Connection], row: Row, rounds: int, least: float, kept: dict[str, Any] | None
) -> Row:
    """As `measure`; where the ratio is less than in the kept run, something else may have disturbed it: once more."""
    measured = measure(connections, row, rounds, least)
    if kept and regressions.drops(report.as_json([measured]), kept["rows"]):
        again = Row(row.job, row.threads, row.limits, row.accurate)
        measured = measure(connections, again, SURE * rounds, least)
    return measured


def ask(connections: dict[str, Connection], name: str, order: str, argument: Any) -> Any:
    connections[name].send((order, argument))
    return received(connections[name], name)


def received(connection: Connection, name: str) -> Any:
    try:
        return connection.recv()
    except EOFError:
        raise SystemExit(f"The process of {name} ended unexpectedly.") from None


def relative_error(result: NDArray[Any], expected: NDArray[Any]) -> float:
    """|result - expected| / |expected| in the Euclidean norm; infinite where the shapes differ."""
    if result.shape != expected.shape:
        return math.inf
    return float(np.linalg.norm((result - expected).ravel()) / np.linalg.norm(expected.ravel()))


def estimate(chosen: Sequence[Job], peers: int, threads: Sequence[int], rounds: int, least: float) -> float:
    """Seconds that a run takes, within a quarter or so.

    Each turn settles, overruns both of its times by half a call, looks twice whether threads sleep, and ends with a
    hundredth for the machine's limit. Two cores of 2024 and peers that are no faster than direct convolution do 1e11
    FLOP/s a thread and 1e10 bytes. Preparing takes half a second for all peers.
    """
    seconds = 0.0
    for count in threads:
        seconds += 15  # the processes start
        for job in chosen:
            call = job.work() / (1e11 if job.unit == "GFLOP/s" else 1e10) / count
            turns = peers * min(rounds, ALL_ROUNDS) + GO_ON * max(0, rounds - ALL_ROUNDS)
            seconds += 0.5 + turns * (worker.settling(count) + least + call + 2 * worker.LOOK + 0.01)
    return seconds


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="problem files; all of benchmarks/problems by default")
    parser.add_argument("--threads", nargs="+", type=int, default=[1], metavar="N")
    parser.add_argument(
        "--peers", nargs="+", choices=[name for name in [*MODULES, *TABLES] if name != OURS], metavar="NAME"
    )
    parser.add_argument("--match", default="", metavar="REGEX", help="only problems whose name it finds")
    parser.add_argument("--rounds", type=int, default=11, metavar="N")
    parser.add_argument("--min-time", type=float, default=0.01, metavar="SECONDS", help="of each peer in each round")
    parser.add_argument(
        "--any-accuracy", action="store_true", help=f"let peers whose error exceeds {ACCURATE:.0e} be the best, too"
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FILE",
        help="a kept run: exit with 1 if a ratio has dropped since by over 15 %%",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    files = options.files or sorted((HERE / "problems").glob("*.txt"))
    names = [OURS, *(options.peers or [name for name in MODULES if name != OURS])]
    chosen = {file: list(jobs.read(file, options.match)) for file in files}
    everything = [job for found in chosen.values() for job in found]
    seconds = estimate(everything, len(names), options.threads, options.rounds, options.min_time)
    print(f"{len(everything)} problem(s), about {math.ceil(seconds / 60)} minute(s)", flush=True)
    about: dict[str, Any] = {
        **report.machine(),
        "command": " ".join(["python", *sys.argv]),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "rounds": options.rounds,
        "min_time": options.min_time,
    }
    kept = json.loads(options.against.read_text(encoding="utf-8")) if options.against else None
    rows: dict[Path, list[Row]] = {file: [] for file in files}
    for threads in options.threads:
        with started(names, threads) as (connections, about["versions"]):
            about["pyconv"] = ask(connections, OURS, "config", None)
            for file, found in chosen.items():
                if not found:
                    continue
                limit = limits.measure(threads, LIMITS_TIME)
                accurate = math.inf if options.any_accuracy else ACCURATE
                new = [
                    confirmed(connections, Row(job, threads, limit, accurate), options.rounds, options.min_time, kept)
                    for job in found
                ]
                print(
                    f"\n{file.stem}, {threads} thread(s), {found[0].unit}; limits {limit.flops / 1e9:.1f} GFLOP/s, "
                    f"{limit.bytes / 1e9:.1f} GB/s"
                )
                print(report.table(new, list(connections)), flush=True)
                rows[file] += new
    held_out = [row for file in files if file.stem == HELD_OUT for row in rows[file]]
    for title, part in (
        ("By class", [row for file in files if file.stem != HELD_OUT for row in rows[file]]),
        ("By class, held-out problems", held_out),
    ):
        if part:
            print(f"\n{title}\n{report.summary(part)}")
    run = {**about, "rows": [{"file": file.stem, **row} for file in files for row in report.as_json(rows[file])]}
    if options.json:
        options.json.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    if kept:
        print()
        sys.exit(regressions.verdict(run, kept))


if __name__ == "__main__":
    main()
