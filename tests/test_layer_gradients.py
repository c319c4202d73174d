"""The gradients of every layer, for its input and its weights, against finite differences in float64.

As in test_gradients.py, which has the operations: a step of 1e-5 along a random direction, in numbers near 1, of which
a few hundred are added up. What layers draw at random is drawn again at each step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array
from layer_table import CASES, MERGES, Case
from pyconv import layers
from pyconv.gradient import Tape

STEP, TOLERANCE = 1e-5, 1e-7

# In the table, which is also Keras', these would draw other numbers than Keras.
RANDOM: list[Case] = [
    ("Dropout", {"rate": 0.4}, (3, 4)),
    ("SpatialDropout2D", {"rate": 0.4}, (2, 3, 4, 5)),
    ("GaussianNoise", {"stddev": 0.3}, (3, 4)),
    ("GaussianDropout", {"rate": 0.3}, (3, 4)),
    ("AlphaDropout", {"rate": 0.3}, (3, 4)),
    ("RandomFlip", {}, (4, 3, 5, 2)),
    ("RandomCrop", {"height": 3, "width": 2}, (2, 5, 6, 3)),
    ("RandomZoom", {"height_factor": 0.3}, (2, 5, 6, 3)),
]
ALL = [*((name, arguments, [shape]) for name, arguments, shape in CASES + RANDOM), *MERGES]
every = pytest.mark.parametrize(
    ("name", "arguments", "shapes"), [pytest.param(*case, id=f"{case[0]}-{i}") for i, case in enumerate(ALL)]
)


def test_every_layer_is_here() -> None:
    made = {getattr(layers, name) for name in layers.__all__ if isinstance(getattr(layers, name), type)}
    there = {getattr(layers, name) for name, _, _ in ALL}
    assert made - there == {layers.Layer, layers.InputLayer}, "all but those that compute nothing"


@every
@pytest.mark.parametrize("training", [False, True])
def test_against_finite_differences(
    name: str, arguments: dict[str, Any], shapes: list[tuple[int, ...]], training: bool
) -> None:
    layer = getattr(layers, name)(**arguments, dtype="float64")
    generator = np.random.default_rng(9)
    inputs = [generator.standard_normal(shape) for shape in shapes]

    def run() -> Array:
        pyconv.seed(3)
        result: Array = layer(inputs if len(inputs) > 1 else inputs[0], training=training)
        return result

    factors = generator.standard_normal(run().shape)
    for weight in layer.trainable_weights:  # anything but zeros and ones
        weight.assign(generator.uniform(0.5, 1.5, weight.shape) * generator.choice([-1, 1], weight.shape))
    with Tape([*inputs, *(weight.value for weight in layer.trainable_weights)]) as tape:
        y = run()
    gradients = tape.gradient(y, factors)

    def check(gradient: Array, move: Any) -> None:
        direction = generator.standard_normal(gradient.shape)
        ends = []
        for step in (STEP, -STEP):
            move(step * direction)
            ends.append(float((run() * factors).sum()))
            move(-step * direction)
        slope = (ends[0] - ends[1]) / (2 * STEP)
        assert float((gradient * direction).sum()) == pytest.approx(slope, rel=TOLERANCE, abs=TOLERANCE)

    for array, gradient in zip(inputs, gradients, strict=False):
        check(gradient, lambda step, array=array: np.add(array, step, out=array))
    for weight, gradient in zip(layer.trainable_weights, gradients[len(inputs) :], strict=True):
        check(gradient, weight.assign_add)
