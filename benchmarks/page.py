"""Prints docs/performance.md from runs that compare.py wrote: targets met and unmet alike. Measures nothing."""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # problems.py, which the classes read

import network_table
from classes import TARGETS, Target
from rows import ACCURATE, OURS

# Problems that nothing was tuned on have tables of their own, see compare.py.
HELD_OUT = "odd"
IMAGES = "images/s"


def best_peer(row: Mapping[str, Any], among: Sequence[str]) -> str | None:
    peers = [
        name
        for name in row["seconds"]
        if name != OURS
        and row["relative_error"][name] <= row.get("accurate", ACCURATE)
        and (not among or name in among)
    ]
    return min(peers, key=row["seconds"].__getitem__, default=None)


def ratio(row: Mapping[str, Any], among: Sequence[str] = ()) -> float:
    """How many times faster we are than the best of these peers; NaN without one."""
    best = best_peer(row, among)
    return row["seconds"][best] / row["seconds"][OURS] if best else math.nan


def by_class(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "| class | over the best of | threads | problems | mean | least | target | |"
    yield "|---|---|--:|--:|--:|---|--:|---|"
    for name, targets in TARGETS.items():
        for target, threads in product(targets or (Target(math.nan),), sorted({row["threads"] for row in rows})):
            chosen = [row for row in rows if row["threads"] == threads and row["class"] == name]
            counted = [row for row in chosen if best_peer(row, target.peers)]
            if not counted:
                continue
            mean = statistics.geometric_mean(ratio(row, target.peers) for row in counted)
            least = min(counted, key=lambda row: ratio(row, target.peers))
            wanted = "" if math.isnan(target.ratio) else f"{target.ratio:.2f}"
            verdict = "" if not wanted else "met" if mean >= target.ratio else "**unmet**"
            yield (
                f"| {name} | {target.over()} | {threads} | {len(counted)} | {mean:.2f} | "
                f"{ratio(least, target.peers):.2f} ({least['problem']}) | {wanted} | {verdict} |"
            )


def layers(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Each problem once, with both numbers of threads side by side."""
    threads = sorted({row["threads"] for row in rows})
    yield "| problem | " + " | ".join(f"pyconv, {n} | best peer, {n} | ratio, {n}" for n in threads) + " |"
    yield "|---|" + "--:|---|--:|" * len(threads)
    for problem in dict.fromkeys(row["problem"] for row in rows):
        cells = []
        for count in threads:
            row = next(row for row in rows if row["problem"] == problem and row["threads"] == count)
            best = best_peer(row, ())
            peer = f"{best} {speed(row, best):.1f}" if best else "none"
            cells.append(f"{speed(row, OURS):.1f} | {peer} | {'' if math.isnan(ratio(row)) else f'{ratio(row):.2f}'}")
        yield f"| {problem} | " + " | ".join(cells) + " |"


def speed(row: dict[str, Any], peer: str) -> float:
    return float(row["work"] / row["seconds"][peer] / (1 if row["unit"] == IMAGES else 1e9))


def training(run: dict[str, Any]) -> Iterator[str]:
    """The section of gradients and training steps, from what training.py wrote."""
    yield f"""
## Training

{run["cpu"]}, {run["cpus"]} CPUs, on {run["date"][:10]}, {run["priority"]} priority; made by `benchmarks/training.py`. A
step is forward, gradients and the optimizer's update of one batch. Gradients of layers are set beside PyTorch's alone,
as the other libraries that train compute them within steps only.
"""
    yield from by_class(run["rows"])
    for unit in (IMAGES, "GFLOP/s"):
        yield f"\n### {'Steps' if unit == IMAGES else 'Gradients'}, {unit}\n"
        yield from layers([row for row in run["rows"] if row["unit"] == unit])
        for row in (row for row in run["rows"] if row["unit"] == unit):
            for peer, reason in row.get("refused", {}).items():
                yield f"\n{row['problem']}, {row['threads']} thread(s), without {peer}: {reason}."


def networks(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The section of whole networks, from what networks.py wrote."""
    first = runs[0]
    yield f"""
## Whole networks

![Speed of each library on each network, over the fastest of the others](pictures/networks.png)

{first["cpu"]}, {first["cpus"]} CPUs, on {first["date"][:10]}, {first["priority"]} priority; made by
`benchmarks/networks.py`, drawn by `benchmarks/network_picture.py`. All libraries compute the same network with the same
weights, each in the form that it likes best, and the results are compared before anything is timed. Speeds in brackets
don't count as the best: their results are further than {first["accurate"]:.0e} from float64's.
"""
    yield from network_table.tables(network_table.cells(runs))


def page(
    runs: Sequence[dict[str, Any]],
    whole: Sequence[dict[str, Any]] = (),
    trained: dict[str, Any] | None = None,
) -> Iterator[str]:
    """The lines of the page; runs of one machine, each with rows of its own, of whole networks and training."""
    first = runs[0]
    versions = ", ".join(f"{peer} {version}" for peer, version in first["versions"].items())
    commands = "\n".join(f"    {run['command']}    # {run['priority']} priority" for run in runs)
    yield f"""# Performance

{first["cpu"]}, {first["cpus"]} CPUs of a shared virtual machine, {first["platform"]}, Python {first["python"]}, on
{first["date"][:10]}; {versions}:

{commands}

Every library has a process of its own and is called in turns with the others. The median over the rounds counts; after
three of them only those within 1.3 of the best one's time go on. Equality is checked first. A ratio is the time of the
best peer over pyconv's, so above 1 pyconv is faster; a peer whose relative error exceeds {ACCURATE:.0e} does not count
as the best one. A class's mean is the geometric mean of ratios. Ratios within 10 % are ties.
`benchmarks/results/README.md` says more about how it is measured.

![Ratio of each problem to the best of the other libraries, by class, with the mean of each class](pictures/ratios.png)

*Each point is a layer, each bar the geometric mean of its class. Drawn by `benchmarks/ratios.py` from the same files.*

## By class
"""
    everything = [row for run in runs for row in run["rows"]]
    yield from by_class([row for row in everything if row["file"] != HELD_OUT])
    held_out = [row for row in everything if row["file"] == HELD_OUT]
    if held_out:
        yield "\n## By class, shapes that nothing was tuned on\n"
        yield from by_class(held_out)
    for file in dict.fromkeys(row["file"] for row in everything):
        rows = [row for row in everything if row["file"] == file]
        yield f"\n## {file}, {' and '.join(dict.fromkeys(row['unit'] for row in rows))}\n"
        yield from layers(rows)
    if whole:
        yield from networks(whole)
    if trained:
        yield from training(trained)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--networks", type=Path, metavar="FILE", help="what networks.py --json wrote")
    parser.add_argument("--training", type=Path, metavar="FILE", help="what training.py --json wrote")
    options = parser.parse_args()
    trained = json.loads(options.training.read_text(encoding="utf-8")) if options.training else None
    whole = json.loads(options.networks.read_text(encoding="utf-8")) if options.networks else []
    print("\n".join(page([json.loads(file.read_text(encoding="utf-8")) for file in options.files], whole, trained)))


if __name__ == "__main__":
    main()
