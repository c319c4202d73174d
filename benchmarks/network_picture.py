"""Draws what networks.py measured as bars, for the README: losses like wins. Measures nothing.

python benchmarks/network_picture.py benchmarks/results/networks-RUN.json docs/pictures/networks.png
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))  # problems.py, which the rows read

from network_table import Cell, cells
from rows import OURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OUR_COLOUR = "#d1495b"
# Others may be told apart, but none shall stand out.
GREYS = ("#1f3b4d", "#3a5a70", "#557a93", "#7397ad", "#91b1c3", "#afc9d6", "#cbdde5", "#e3edf1")


def draw(runs: Sequence[dict[str, Any]]) -> Figure:
    """A panel for each batch, at the most threads that were timed: speeds as multiples of the fastest peer's."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, which the tests import this without

    measured = cells(runs)
    threads = max(cell.threads for cell in measured)
    batches = sorted({cell.batch for cell in measured if cell.threads == threads})
    figure = Figure(figsize=(10, 0.6 + 3.1 * len(batches)), layout="constrained")
    panels = figure.subplots(len(batches), 1, squeeze=False)[:, 0]
    peers = list(dict.fromkeys(name for cell in measured for name in cell.ratios))
    for axes, batch in zip(panels, batches, strict=True):
        group = [cell for cell in measured if (cell.threads, cell.batch) == (threads, batch)]
        _panel(axes, group, peers)
        axes.set_title(f"{batch} image{'s' if batch > 1 else ''} a call", loc="left", fontsize=10)
    panels[0].legend(ncols=len(peers) + 1, fontsize=7, frameon=False, loc="upper left")
    first = runs[0]
    counted = f"{threads} thread{'s' if threads > 1 else ''}"
    title = f"Whole networks in float32, {counted}: speed over the fastest other library's"
    figure.suptitle(title, fontsize=12)
    versions = ", ".join(f"{name} {version}" for name, version in first["versions"].items())
    machine = f"{first['cpu']}, {first['cpus']} CPUs of a shared virtual machine, {first['date'][:10]}"
    hatched = f"Hatched: results further than {first['accurate']:.0e} from float64's, which don't count as the fastest."
    figure.supxlabel(f"{machine}. {versions}.\n{hatched}", fontsize=6)
    return figure


def _panel(axes: Axes, group: Sequence[Cell], peers: Sequence[str]) -> None:
    names = [OURS, *peers]
    width = 0.84 / len(names)
    for number, name in enumerate(names):
        there = [i for i, cell in enumerate(group) if name == OURS or name in cell.ratios]
        heights = [(group[i].ratio() or 1.0) / (1.0 if name == OURS else group[i].ratios[name]) for i in there]
        rough = [name in group[i].rough for i in there]
        bars = axes.bar(
            [i + (number - (len(names) - 1) / 2) * width for i in there],
            heights,
            width,
            color=OUR_COLOUR if name == OURS else GREYS[(number - 1) % len(GREYS)],
            label=name,
        )
        for bar, is_rough in zip(bars, rough, strict=True):
            bar.set_hatch("////" if is_rough else "")  # too far from what is right to be compared with
        if name == OURS:
            labels = axes.bar_label(bars, [f"{height:.2f}" for height in heights], padding=2, fontsize=8)
            for label in labels:  # legible on the line at 1
                label.set(color=OUR_COLOUR, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(group)), [cell.network for cell in group], fontsize=9)
    axes.tick_params(axis="y", labelsize=8)
    axes.margins(y=0.2)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, help="what networks.py --json wrote")
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    draw(json.loads(options.runs.read_text(encoding="utf-8"))).savefig(options.picture, dpi=160)


if __name__ == "__main__":
    main()
