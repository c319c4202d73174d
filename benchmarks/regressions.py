"""The problems whose ratio to the best peer has dropped since a kept run. Measures nothing.

    python benchmarks/regressions.py new.json --against benchmarks/results/KEPT.json

Exits with 1 and names them if there are any; `compare.py --against` does the same with what it has just measured.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # problems.py, which the classes read

from page import ratio
from rows import OURS

# Ratios of two runs of the same code on one machine differ by 10 %, seldom by more.
ALLOWED = 0.15


class Drop(NamedTuple):
    """A problem at a number of threads, and its ratios."""

    problem: str
    threads: int
    kept: float
    now: float

    def __str__(self) -> str:
        change = self.now / self.kept - 1
        return f"{self.problem}, {self.threads} thread(s): {self.kept:.2f} -> {self.now:.2f} ({change:+.0%})"


def compared(rows: Sequence[Mapping[str, Any]], kept: Sequence[Mapping[str, Any]]) -> list[Drop]:
    """Both ratios of each problem that is in both runs, over the best of the peers that took part in both."""
    before = {(row["problem"], row["threads"]): row for row in kept}
    found = []
    for row in rows:
        old = before.get((row["problem"], row["threads"]))
        peers = [name for name in row["seconds"] if name != OURS and old is not None and name in old["seconds"]]
        if old is None or not peers:
            continue
        pair = Drop(row["problem"], row["threads"], ratio(old, peers), ratio(row, peers))
        if not math.isnan(pair.kept + pair.now):
            found.append(pair)
    return found


def drops(rows: Sequence[Mapping[str, Any]], kept: Sequence[Mapping[str, Any]], allowed: float = ALLOWED) -> list[Drop]:
    """Those whose ratio is now less than it was by more than `allowed`, the worst first."""
    worse = [pair for pair in compared(rows, kept) if pair.now < pair.kept * (1 - allowed)]
    return sorted(worse, key=lambda pair: pair.now / pair.kept)


def verdict(run: Mapping[str, Any], kept: Mapping[str, Any]) -> str | None:
    """Prints how a run compares with a kept one; why it fails, None if it doesn't."""
    pairs, dropped = compared(run["rows"], kept["rows"]), drops(run["rows"], kept["rows"])
    if run["cpu"] != kept["cpu"]:
        print(f"The kept run is of another CPU, {kept['cpu']}; this is {run['cpu']}.")
    changed = [name for name, version in run["versions"].items() if kept["versions"].get(name, version) != version]
    if changed:
        print(f"Other versions than in the kept run: {', '.join(changed)}.")
    print(
        f"{len(pairs)} ratio(s) compared with those of {kept['date'][:10]}, "
        f"{len(dropped)} dropped by over {ALLOWED:.0%}"
    )
    for drop in dropped:
        print(f"  {drop}")
    if not pairs:
        return "The two runs have nothing to compare."
    return f"{len(dropped)} ratio(s) dropped." if dropped else None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--against", type=Path, required=True, metavar="FILE")
    options = parser.parse_args()
    run, kept = (json.loads(file.read_text(encoding="utf-8")) for file in (options.run, options.against))
    sys.exit(verdict(run, kept))


if __name__ == "__main__":
    main()
