"""Many threads call one model with batches and images of many sizes: right results, and memory within the bound.

    python tests/fuzz/stress_programs.py [calls]

A model keeps programs for four sizes of images, each with a packed copy of its weights, so its memory may grow by that
much, and by what the calls under way hold, whatever the number of sizes.
"""

from __future__ import annotations

import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pyconv import Input, Model, config, layers
from pyconv.program.cache import KEPT

_THREADS = 8
_SIZES = [(height, width) for height in (9, 16, 24, 33) for width in (8, 17, 30)]
_BATCHES = (1, 2, 3, 7, 16)


def network() -> Model:
    """Residual blocks, a concatenation, squeeze and excitation, any size of images."""
    x = y = Input((None, None, 3))
    for filters in (16, 32):
        y = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(y)
        y = layers.ReLU()(layers.BatchNormalization()(y))
        z = layers.DepthwiseConv2D(3, padding="same")(y)
        z = layers.Multiply()([z, layers.Activation("sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(z))])
        y = layers.Concatenate()([layers.Add()([z, y]), layers.MaxPooling2D(3, 1, "same")(y)])
    return Model(x, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(y)))


def main(calls: int) -> None:
    model, generator = network(), np.random.default_rng(0)
    inputs = [generator.normal(size=(n, *size, 3)).astype(np.float32) for size in _SIZES for n in _BATCHES]
    config.set_programs(False)
    expected = [model(x) for x in inputs]
    config.set_programs(True)

    def check(number: int) -> float:
        which = int(np.random.default_rng(number).integers(len(inputs)))
        return float(np.abs(model(inputs[which]) - expected[which]).max())

    peaks = []
    for part in range(4):
        begin = time.perf_counter()
        with ThreadPoolExecutor(_THREADS) as pool:
            worst = max(pool.map(check, range(part * calls // 4, (part + 1) * calls // 4)))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        seconds = time.perf_counter() - begin
        print(
            f"{calls // 4} calls in {seconds:.1f} s, largest difference {worst:.1e}, peak {peaks[-1]:.1f} MiB",
            flush=True,
        )
        assert worst < 1e-5  # of probabilities
    assert model._programs is not None
    assert len(model._programs._entries) <= KEPT
    assert peaks[-1] - peaks[0] < 64  # MiB: results and workspaces of eight calls, no more after the first quarter


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
