"""Sets whole networks beside the peers': inference in float32, equality first, then speed. Runs, and prints a table.

As compare.py does it: a process for each peer, called in turns, the median over the rounds; only ratios within one run
mean anything. The first run writes each network's files, and each library converts or compiles it, which takes minutes
and is kept for the next run; `--prepare` does that alone. With `--json` a run adds to what the file holds, so that the
table can be made in pieces.

    python benchmarks/networks.py --threads 1 2 --json networks.json
"""

from __future__ import annotations

import argparse
import datetime
import json
import multiprocessing
import sys
from pathlib import Path
from typing import Any

import compare
import inference_networks
import limits
import network_table
import report
from inference_networks import COMPARED, NETWORKS, Inference
from peers import RUNNERS
from rows import OURS, Row

BATCHES = (1, inference_networks.LARGEST_BATCH)
# Whose call for one image is what there is to see: what libraries do around the arithmetic.
ALONE = ("mnist",)
# Fifty layers of random weights make of an ordinary float32 error of 1e-6 up to 4e-5 (ResNet-50, whoever computes it),
# and 5e-3 of the roughest peer's. Whoever is beyond the first doesn't count as the best, and beyond the second computes
# something else: a wrong pad in one of these layers alone is worth more.
ACCURATE, EQUAL = 1e-4, 3e-2
# Many short turns: where the host runs two virtual CPUs on one core, it does for parts of a second, longer than a turn.
# Of EfficientNetB0 with one image and two threads five turns of 0.2 s made 0.89 of the best, 21 of 0.05 s 1.08.
ROUNDS, MIN_TIME = 15, 0.05
# Bytes of weights. Libraries hold several copies while they load them: those of VGG-16, all at once, filled 23 GB.
LARGE = 256 * 2**20


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=COMPARED, metavar="NAME")
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES, metavar="N")
    parser.add_argument("--threads", nargs="+", type=int, default=[1], metavar="N")
    parser.add_argument("--peers", nargs="+", choices=[name for name in RUNNERS if name != OURS], metavar="NAME")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N")
    parser.add_argument(
        "--min-time", type=float, default=MIN_TIME, metavar="SECONDS", help="of each peer in each round"
    )
    parser.add_argument("--quick", action="store_true", help="one image, one round of each")
    parser.add_argument("--prepare", action="store_true", help="converts, compiles and compares, but times nothing")
    parser.add_argument("--models", type=Path, default=compare.HERE.parent / "build/networks", metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE", help="adds the numbers to those there")
    options = parser.parse_args()
    if options.quick:
        options.batches, options.rounds = [1], 1
    if options.prepare:
        options.rounds = 0
    if any(not 1 <= batch <= inference_networks.LARGEST_BATCH for batch in options.batches):
        parser.error(f"batches are 1 to {inference_networks.LARGEST_BATCH} images")
    return options


def as_json(row: Row) -> dict[str, Any]:
    assert isinstance(row.job, Inference)
    return {
        "network": row.job.network,
        "batch": row.job.batch,
        "threads": row.threads,
        "seconds": row.seconds,
        "relative_error": row.error,
        "refused": row.refused,
        "retaken": row.retaken,
    }


def main() -> None:
    options = arguments()
    names = [OURS, *(options.peers or [name for name in RUNNERS if name != OURS])]
    for network in options.networks:  # in a process of its own, whose memory and threads are gone when others run
        process = multiprocessing.get_context("spawn").Process(
            target=inference_networks.write, args=(options.models, network)
        )
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"{network} can't be written.")
    run: dict[str, Any] = {
        **report.machine(),
        "command": " ".join(["python", *sys.argv]),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "rounds": options.rounds,
        "min_time": options.min_time,
        "accurate": ACCURATE,
        "rows": [],
    }
    keeps = options.json and options.rounds
    runs = [*(json.loads(options.json.read_text(encoding="utf-8")) if keeps and options.json.exists() else []), run]
    for threads in options.threads:
        with compare.started(names, threads) as (connections, run["versions"]):
            run["pyconv"] = compare.ask(connections, OURS, "config", None)
            limit = limits.measure(threads, compare.LIMITS_TIME)
            for network in options.networks:
                for batch in [1] if network in ALONE else options.batches:
                    job = Inference(network, batch, options.models)
                    row = Row(job, threads, limit, ACCURATE)
                    side_by_side = (job.folder / "model.onnx").stat().st_size < LARGE
                    compare.measure(
                        connections,
                        row,
                        options.rounds,
                        options.min_time,
                        job.truth(),
                        EQUAL,
                        side_by_side=side_by_side,
                    )
                    run["rows"].append(as_json(row))
                    print(network_table.line(run["rows"][-1]), flush=True)
                    if keeps:  # each at once, as somebody may have to stop it
                        options.json.write_text(json.dumps(runs, indent=1) + "\n", encoding="utf-8")
    if options.rounds:
        print("\n".join(["", *network_table.tables(network_table.cells(runs))]))


if __name__ == "__main__":
    main()
