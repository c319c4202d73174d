"""Draws the ratios of runs that compare.py wrote, each problem a point, losses like wins. Measures nothing.

python benchmarks/ratios.py benchmarks/results/RUN.json ... --to docs/pictures/ratios.png
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # problems.py, which the classes read

from page import best_peer, ratio

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:red")
TICKS = (0.25, 0.5, 1, 2, 4)


def draw(rows: Sequence[dict[str, Any]]) -> Figure:
    """A line for each class and number of threads: its problems as points, their geometric mean as a bar."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, which the tests import this without

    counted = [row for row in rows if best_peer(row, ())]
    names = list(dict.fromkeys(row["class"] for row in counted))
    threads = sorted({row["threads"] for row in counted})
    figure = Figure(figsize=(7.5, 0.8 + 0.45 * len(names)), layout="constrained")
    axes = figure.subplots()
    for number, count in enumerate(threads):
        for place, name in enumerate(names):
            ratios = [ratio(row) for row in counted if row["class"] == name and row["threads"] == count]
            if not ratios:
                continue
            height = place + 0.25 * (number - (len(threads) - 1) / 2)
            colour = COLOURS[number % len(COLOURS)]
            axes.plot(ratios, [height] * len(ratios), "o", color=colour, alpha=0.45, markersize=4, markeredgewidth=0)
            axes.plot(statistics.geometric_mean(ratios), height, "|", color=colour, markersize=13, markeredgewidth=3)
        axes.plot([], [], "o", color=COLOURS[number % len(COLOURS)], label=f"{count} thread{'s' * (count > 1)}")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.minorticks_off()
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("time of the best of the other libraries / time of pyconv: right of 1 pyconv is faster")
    figure.legend(loc="outside upper right", ncols=len(threads), frameon=False)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--to", type=Path, required=True, metavar="FILE")
    options = parser.parse_args()
    runs = [json.loads(file.read_text(encoding="utf-8")) for file in options.files]
    draw([row for run in runs for row in run["rows"]]).savefig(options.to, dpi=110)


if __name__ == "__main__":
    main()
