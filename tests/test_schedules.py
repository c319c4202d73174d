"""Learning rate schedules: values against Keras', configurations, bad arguments."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from pyconv.optimizers import schedules

CASES: list[tuple[str, dict[str, Any]]] = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 20], "values": [1.0, 0.5, 0.25]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 11, "power": 2.0, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "alpha": 0.1}),
    (
        "CosineDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 20, "alpha": 0.1, "warmup_target": 0.5, "warmup_steps": 5},
    ),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 4, "m_mul": 0.5, "alpha": 0.1}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 4, "t_mul": 1.0, "m_mul": 0.9}),
]
by_case = pytest.mark.parametrize(("name", "arguments"), CASES, ids=str)


@by_case
def test_rates_are_kerass(name: str, arguments: dict[str, Any], keras: ModuleType) -> None:
    """Keras computes in float32, and cosines near their end cancel: 1e-6 of the first rate."""
    ours, theirs = getattr(schedules, name)(**arguments), getattr(keras.optimizers.schedules, name)(**arguments)
    for step in [*range(45), 500]:
        assert ours(step) == pytest.approx(float(theirs(step)), rel=1e-5, abs=1e-6), step
    assert ours.get_config() == theirs.get_config()
    assert schedules.serialize(ours)["class_name"] == name
    assert schedules.deserialize(keras.optimizers.schedules.serialize(theirs)).get_config() == ours.get_config()


def test_a_schedule_of_ones_own_is_found_by_its_name() -> None:
    class Halving(schedules.LearningRateSchedule):
        def __init__(self, start: float) -> None:
            self.start = start

        def __call__(self, step: int) -> float:
            return float(self.start * 0.5**step)

    again = schedules.deserialize(schedules.serialize(Halving(3.0)), {"Halving": Halving})
    assert again(2) == 0.75
    with pytest.raises(ValueError, match="Halving"):
        schedules.deserialize(schedules.serialize(Halving(3.0)))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), ValueError, "ExponentialDecay: .*decay_steps.*0"),
        (lambda: schedules.CosineDecay("fast", 3), TypeError, "CosineDecay: initial_learning_rate.*fast"),
        (lambda: schedules.PiecewiseConstantDecay([1, 2], [1.0]), ValueError, "one value more"),
        (lambda: schedules.PiecewiseConstantDecay([2, 1], [1.0, 2.0, 3.0]), ValueError, "increase"),
        (lambda: schedules.CosineDecayRestarts(0.1, 5, t_mul=0.5), ValueError, "t_mul.*0.5"),
        (lambda: schedules.serialize(print), TypeError, "serialize"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
