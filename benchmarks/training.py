"""Sets training beside its peers: gradients of single convolutions, and steps of networks; equality first, then speed.

As compare.py does it: a process for each peer, called in turns, the median over the rounds; only ratios within one run
mean anything.

    python benchmarks/training.py --threads 1 2 --json training.json
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import sys
from pathlib import Path
from typing import Any

import compare
import jobs
import limits
import report
import training_networks
from peers import TRAINERS
from rows import ACCURATE, OURS, Row

# Of gradients, and of steps.
PEERS = ("torch",)
STEP_PEERS = tuple(name for name in TRAINERS if name != OURS)

# Of a step's loss after another step. Rounding passes through up to 53 batch normalisations of eight images there and
# back: up to 4e-3 was seen. The step itself changes the loss by 0.1.
STEP_EQUAL = 2e-2

KINDS = (*jobs.GRADIENTS, "step")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--layers", type=Path, default=compare.HERE / "problems/training/layers.txt", metavar="FILE")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--match", default="", metavar="REGEX", help="only problems whose name it finds")
    parser.add_argument("--threads", nargs="+", type=int, default=[1], metavar="N")
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    parser.add_argument("--min-time", type=float, default=0.05, metavar="SECONDS", help="of each peer in each round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    rows: list[Row] = []
    versions: dict[str, str] = {}
    for threads in options.threads:
        for kind in options.kinds:
            if kind == "step":
                chosen: list[Any] = [step for step in training_networks.STEPS if re.search(options.match, step.name)]
            else:
                chosen = list(jobs.read(options.layers, options.match, [kind]))
            if not chosen:
                continue
            with compare.started([OURS, *(STEP_PEERS if kind == "step" else PEERS)], threads) as (connections, found):
                versions |= found
                limit = limits.measure(threads, compare.LIMITS_TIME)
                equal, accurate = (STEP_EQUAL, STEP_EQUAL) if kind == "step" else (compare.EQUAL, ACCURATE)
                new = [
                    compare.measure(
                        connections,
                        Row(job, threads, limit, accurate),
                        options.rounds,
                        options.min_time,
                        equal=equal,
                        leaves_out=kind == "step",  # TensorFlow's ResNet-50 of random weights is 3e-2 away
                    )
                    for job in chosen
                ]
                print(f"\n{kind}, {threads} thread(s), {new[0].job.unit}")
                print(report.table(new, list(connections)), flush=True)
            rows += new
    print(f"\nBy class\n{report.summary(rows)}")
    if options.json:
        numbers = {
            **report.machine(),
            "command": " ".join(["python", *sys.argv]),
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "versions": versions,
            "rows": report.as_json(rows),
        }
        options.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
