"""What other libraries' threads cost pyconv in one process: a layer alone, between their calls, and while they run.

    python benchmarks/company.py

Interleaved: each round times the layer after a pause, then right after a call of each library, whose threads may still
look for work. "at once" is beside a thread that calls the library all the time, on CPUs that both want.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import statistics
import threading
import time
from collections.abc import Callable

import numpy as np

import pyconv
from pyconv import ops


def calls() -> dict[str, Callable[[], object]]:
    """A call of each library that is installed, some milliseconds long."""
    a = np.ones((600, 600), np.float32)
    found: dict[str, Callable[[], object]] = {"NumPy's BLAS": lambda: a @ a}
    if importlib.util.find_spec("torch"):
        torch = importlib.import_module("torch")
        image, kernel = torch.ones(1, 64, 56, 56), torch.ones(64, 64, 3, 3)
        found["torch"] = lambda: torch.nn.functional.conv2d(image, kernel)
    if importlib.util.find_spec("sklearn"):
        cluster = importlib.import_module("sklearn.cluster")
        points = np.random.default_rng(0).random((2000, 8))
        found["scikit-learn"] = lambda: cluster.KMeans(4, n_init=1, max_iter=5, random_state=0).fit(points)
    if importlib.util.find_spec("onnxruntime") and importlib.util.find_spec("onnx"):
        onnx, runtime = importlib.import_module("onnx"), importlib.import_module("onnxruntime")
        text = '<ir_version: 8, opset_import: ["" : 17]> g (float[N, N] x) => (float[N, N] y) { y = MatMul (x, x) }'
        session = runtime.InferenceSession(onnx.parser.parse_model(text).SerializeToString())
        found["onnxruntime"] = lambda: session.run(None, {"x": a})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args().rounds
    x = np.random.default_rng(1).random((1, 56, 56, 64), np.float32)
    kernel = pyconv.Variable(np.random.default_rng(2).random((3, 3, 64, 64)), "float32")

    def seconds() -> float:
        start = time.perf_counter()
        ops.conv(x, kernel, padding="same")
        return time.perf_counter() - start

    others = calls()
    for call in others.values():
        call()
    seconds()
    times: dict[str, list[float]] = {"alone": [], **{name: [] for name in others}}
    for _ in range(rounds):
        time.sleep(0.01)  # their threads have gone to sleep by then, or spin as long as they like
        seconds()
        times["alone"].append(seconds())
        for name, call in others.items():
            call()
            times[name].append(seconds())
    alone = statistics.median(times["alone"])
    print(f"{pyconv.get_num_threads()} threads, alone {alone * 1e3:.3f} ms")
    for name in others:
        print(f"right after {name:16} {statistics.median(times[name]) / alone:5.2f} times")
    for name, call in others.items():
        stop = threading.Event()

        def keep_calling(call: Callable[[], object] = call, stop: threading.Event = stop) -> None:
            while not stop.is_set():
                call()

        thread = threading.Thread(target=keep_calling)
        thread.start()
        beside = statistics.median(seconds() for _ in range(rounds))
        stop.set()
        thread.join()
        print(f"at once with {name:15} {beside / alone:5.2f} times")


if __name__ == "__main__":
    main()
