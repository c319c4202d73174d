"""`pyconv bench`: how long a model and each of its layers take."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pyconv import _core, config
from pyconv.cli.opening import open_model, predict, zeros
from pyconv.cli.steps import steps_of
from pyconv.cli.tables import table

HELP = """how long a model and each of its layers take
Runs the model on zeros, then each layer alone, and prints the best time of each in milliseconds, and for convolutions
and dense layers the GFLOP/s and their share of what the CPU's multiply-add units can do, measured first. Winograd's
algorithms do with fewer operations than are counted, so that their share may exceed 100. Nothing else should run
meanwhile.

    pyconv bench model.keras --threads 1
    pyconv bench detector.onnx --batch 8 --seconds 0.5
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("file", metavar="FILE", help="a .keras, .h5, .hdf5 or .onnx file")
    parser.add_argument("--shape", help="one sample's shape, where the model leaves it open: 224,224,3")
    parser.add_argument("--batch", type=int, default=1, help="samples at a time (default 1)")
    parser.add_argument("--threads", type=int, help="threads to compute with (default: all CPUs)")
    parser.add_argument("--seconds", type=float, default=0.2, help="how long each layer is tried (default 0.2)")


def main(options: argparse.Namespace) -> None:
    """Prints the table."""
    if options.batch < 1:
        raise ValueError(f"--batch must be 1 or more. Received: {options.batch}.")
    if options.threads is not None:
        config.set_num_threads(options.threads)
    threads = config.get_num_threads()
    model = open_model(options.file)
    arrays = [np.repeat(array, options.batch, axis=0) for array in zeros(model, options.shape)]
    peak = _core.fma_peak(threads, options.seconds)
    whole = _best(lambda: _whole(model, arrays), options.seconds)
    rows, total = [], 0.0
    for step in steps_of(model, arrays):
        seconds = _best(step.call, options.seconds)
        total += seconds
        speed = (step.flops or 0) / seconds
        rates = [f"{speed / 1e9:.1f}", f"{100 * speed / peak:.0f}"] if step.flops else ["", ""]
        rows.append([step.name, step.kind, f"{1e3 * seconds:.3f}", *rates])
    print(table(["layer", "kind", "ms", "GFLOP/s", "% of peak"], rows, left=2))
    print(
        f"\n{1e3 * whole:.3f} ms for {options.batch} sample(s), layer by layer {1e3 * total:.3f} ms; {threads} "
        f"thread(s) of {_core.get_isa()}, whose peak is {peak / 1e9:.1f} GFLOP/s"
    )


def _whole(model: Any, arrays: list[Any]) -> Any:
    return predict(model, arrays[0]) if len(arrays) == 1 else model(*([arrays] if hasattr(model, "layers") else arrays))


def _best(call: Callable[[], Any], seconds: float) -> float:
    """The shortest time of a call, of as many as fit into so many seconds and three at least; the first warms up."""
    call()
    best, end = float("inf"), time.perf_counter() + seconds
    for number in range(1_000_000):
        start = time.perf_counter()
        if number >= 3 and start > end:
            break
        call()
        best = min(best, time.perf_counter() - start)
    return best
