"""What the call of a built layer costs beside its kernel: calls on images of a pixel, which take a kernel no time.

python benchmarks/call_time.py
"""

from __future__ import annotations

import argparse
import timeit

import numpy as np

import pyconv
from pyconv import layers

# Stated in microseconds, for layers that the core does in one run.
MOST = 2.0
CALLS = 20_000

SMALL: dict[str, tuple[layers.Layer, tuple[int, ...]]] = {
    "Conv2D": (layers.Conv2D(1, 1, activation="relu"), (1, 1, 1, 1)),
    "Conv2DTranspose": (layers.Conv2DTranspose(1, 1), (1, 1, 1, 1)),
    "DepthwiseConv2D": (layers.DepthwiseConv2D(1), (1, 1, 1, 1)),
    "Dense": (layers.Dense(1), (1, 1)),
    "MaxPooling2D": (layers.MaxPooling2D(1), (1, 1, 1, 1)),
    "AveragePooling2D": (layers.AveragePooling2D(1), (1, 1, 1, 1)),
    "GlobalAveragePooling2D": (layers.GlobalAveragePooling2D(), (1, 1, 1, 1)),
}


def microseconds(layer: layers.Layer, shape: tuple[int, ...], rounds: int) -> float:
    """Of a call like the one before: the least of the rounds, as all that disturbs one makes it longer."""
    x = np.ones(shape, np.float32)
    for _ in range(3):
        layer(x)
    return min(timeit.repeat(lambda: layer(x), number=CALLS, repeat=rounds)) / CALLS * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    rounds = parser.parse_args().rounds
    pyconv.set_num_threads(1)
    times = {name: microseconds(layer, shape, rounds) for name, (layer, shape) in SMALL.items()}
    for name, time in times.items():
        print(f"{name:24} {time:5.2f} us")
    if max(times.values()) > MOST:
        raise SystemExit(f"None should take more than {MOST} us.")


if __name__ == "__main__":
    main()
