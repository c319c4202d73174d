"""What an installed pyconv must do on any CPU, without pytest: `python tests/smoke.py [ISA]`, also under an emulator.

Every algorithm on every small problem and a small network that learns, under every instruction set of the CPU; or
under ISA alone, which must be the one that the import chose. Not what tests/ checks in detail.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

import problems
import pyconv
from arrays import conv_shapes, integers, relative_error
from plans import plan
from pyconv import _core, layers

# Float32 sums of whole numbers are exact; Winograd transforms them, with an error below this (tests/test_winograd.py).
WINOGRAD = 2e-6


def convolve(rng: np.random.Generator) -> int:
    """Compares each algorithm with the definition, which is plain loops in C++; returns the number of runs."""
    runs = 0
    for problem in problems.read(Path(__file__).parent / "problems/conv.txt"):
        operands = [integers(rng, shape) for shape in conv_shapes(problem)]
        for written, direction in [(3, "forward"), (0, "backward_data"), (1, "backward_weights")]:
            expected: list[Any] = list(operands)
            if direction == "backward_data":
                expected[2] = None  # a gradient has no bias
            found = list(expected)
            expected[written] = np.empty_like(operands[written])
            plan(problem, direction, algorithm="reference").run(*expected)
            for algorithm in _core.conv_algorithms():
                try:
                    made = plan(problem, direction, algorithm=algorithm)
                except ValueError:
                    continue  # it refuses the problem
                found[written] = np.full_like(operands[written], np.nan)
                made.run(*found)
                error = relative_error(found[written], expected[written])
                assert error <= (0 if made.plain_sums else WINOGRAD), f"{made.describe()}: {error}"
                runs += 1
    return runs


def learn() -> float:
    """Whether the upper half of an image is bright: how many of the answers are right after a few steps."""
    pyconv.seed(1)
    rng = np.random.default_rng(1)
    labels = rng.integers(2, size=64)
    images = rng.random((64, 12, 12, 3), np.float32)
    images[:, :6] += labels[:, None, None, None].astype(np.float32)
    model = pyconv.Sequential(
        [
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.BatchNormalization(momentum=0.5),  # within 32 steps the usual 0.99 learns little of the mean
            layers.MaxPooling2D(),
            layers.SeparableConv2D(24, 3, activation="silu"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(optimizer=pyconv.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy")
    model.fit(images, labels, batch_size=16, epochs=8, verbose=0)
    return float(np.mean(model.predict(images, verbose=0).argmax(-1) == labels))


def main(only: str | None = None) -> None:
    available = _core.available_isas()
    chosen = _core.get_isa()
    assert chosen == (only or available[0]), f"the import chose {chosen} of {available}"
    for isa in [only] if only else available:
        _core.set_isa(isa)
        runs, right = convolve(np.random.default_rng(0)), learn()
        assert right > 0.9, right  # chance is 0.5
        print(f"{isa}: {runs} convolutions, {right:.0%} of the images right")


if __name__ == "__main__":
    main(*sys.argv[1:])
