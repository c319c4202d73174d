"""Learning rates that change with the number of steps taken. Callables step -> rate, without any state."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pyconv.arguments import real_number
from pyconv.ops.geometry import integer
from pyconv.registry import Registry

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]


class LearningRateSchedule:
    """The base of all schedules: a subclass defines `__call__`, and `get_config` if it is to be saved.

    Example:
    >>> from pyconv.optimizers import SGD, schedules
    >>> class Halving(schedules.LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.8 * 0.5**step
    >>> SGD(Halving()).learning_rate
    0.8
    """

    def __call__(self, step: int) -> float:
        """The rate of the step after `step` steps."""
        raise NotImplementedError(f"{type(self).__name__}: a schedule must define __call__(self, step).")

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments: the attributes that keep them."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LearningRateSchedule:
        """A schedule made from what `get_config` returned."""
        return cls(**config)


class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate * decay_rate^(step / decay_steps).

    Args:
        initial_learning_rate: the rate of the first step.
        decay_steps: in how many steps the rate is multiplied by decay_rate, 1 or more.
        decay_rate: the factor.
        staircase: whether step / decay_steps is rounded down, so that the rate changes in jumps.
        name: the schedule's name.

    Raises:
        TypeError: if a rate isn't a number.
        ValueError: if decay_steps isn't positive.

    Example:
    >>> from pyconv.optimizers.schedules import ExponentialDecay
    >>> round(ExponentialDecay(0.1, decay_steps=100, decay_rate=0.5)(200), 6)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = integer(type(self).__name__, "decay_steps", decay_steps)
        self.decay_rate = _rate(self, "decay_rate", decay_rate)
        self.staircase = bool(staircase)
        self.name = name

    def __call__(self, step: int) -> float:
        done = step // self.decay_steps if self.staircase else step / self.decay_steps
        return float(self.initial_learning_rate * self.decay_rate**done)


class InverseTimeDecay(ExponentialDecay):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps); arguments as in `ExponentialDecay`."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: int) -> float:
        done = step // self.decay_steps if self.staircase else step / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * done)


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] up to and with step boundaries[0], then values[1] up to boundaries[1], and so on.

    Args:
        boundaries: step numbers in increasing order.
        values: rates, one more than boundaries.
        name: the schedule's name.

    Raises:
        ValueError: if there isn't one value more than boundaries, or these don't increase.

    Example:
    >>> from pyconv.optimizers.schedules import PiecewiseConstantDecay
    >>> rate = PiecewiseConstantDecay([100, 200], [1.0, 0.5, 0.1])
    >>> rate(100), rate(101), rate(201)
    (1.0, 0.5, 0.1)
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        op = type(self).__name__
        if len(boundaries) != len(values) - 1:
            raise ValueError(f"{op}: there must be one value more than boundaries. Received: {boundaries=}, {values=}.")
        if any(first >= second for first, second in itertools.pairwise(boundaries)):
            raise ValueError(f"{op}: boundaries must increase. Received: {boundaries=}.")
        self.boundaries = list(boundaries)
        self.values = [_rate(self, "values", value) for value in values]
        self.name = name

    def __call__(self, step: int) -> float:
        return self.values[bisect.bisect_left(self.boundaries, step)]


class PolynomialDecay(LearningRateSchedule):
    """(initial - end) * (1 - step / decay_steps)^power + end, and end afterwards.

    Args:
        initial_learning_rate: the rate of the first step.
        decay_steps: the number of steps, 1 or more.
        end_learning_rate: the rate after them.
        power: 1 for a straight line.
        cycle: whether decay_steps is replaced by its next multiple instead of the rate staying at its end.
        name: the schedule's name.

    Raises:
        TypeError: if a rate isn't a number.
        ValueError: if decay_steps isn't positive.

    Example:
    >>> from pyconv.optimizers.schedules import PolynomialDecay
    >>> rate = PolynomialDecay(0.5, decay_steps=100, end_learning_rate=0.1)
    >>> [round(rate(step), 6) for step in (0, 50, 100, 1000)]
    [0.5, 0.3, 0.1, 0.1]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = integer(type(self).__name__, "decay_steps", decay_steps)
        self.end_learning_rate = _rate(self, "end_learning_rate", end_learning_rate)
        self.power = _rate(self, "power", power)
        self.cycle = bool(cycle)
        self.name = name

    def __call__(self, step: int) -> float:
        steps = self.decay_steps * max(1, -(-step // self.decay_steps)) if self.cycle else self.decay_steps
        left = 1 - min(step / steps, 1)
        return float((self.initial_learning_rate - self.end_learning_rate) * left**self.power + self.end_learning_rate)


class CosineDecay(LearningRateSchedule):
    """Half a cosine from a rate down to alpha times it (Loshchilov and Hutter 2017, arXiv:1608.03983).

    rate * ((1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2 + alpha). With warmup_target the rate first goes in a
    straight line from initial_learning_rate to warmup_target, within warmup_steps, and down from there.

    Args:
        initial_learning_rate: the rate of the first step.
        decay_steps: the number of steps down, those of the warm-up not counted, 1 or more.
        alpha: the last rate's share of the first.
        name: the schedule's name.
        warmup_target: the rate at the end of the warm-up; None for no warm-up.
        warmup_steps: the number of its steps.

    Raises:
        TypeError: if a rate isn't a number.
        ValueError: if decay_steps isn't positive or warmup_steps is negative.

    Example:
    >>> from pyconv.optimizers.schedules import CosineDecay
    >>> rate = CosineDecay(0.0, decay_steps=100, warmup_target=0.2, warmup_steps=10)
    >>> [round(rate(step), 6) for step in (0, 5, 10, 60, 110)]
    [0.0, 0.1, 0.2, 0.1, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)
        self.decay_steps = integer(type(self).__name__, "decay_steps", decay_steps)
        self.alpha = _rate(self, "alpha", alpha)
        self.name = name
        self.warmup_target = None if warmup_target is None else _rate(self, "warmup_target", warmup_target)
        self.warmup_steps = integer(type(self).__name__, "warmup_steps", warmup_steps, minimum=0)

    def __call__(self, step: int) -> float:
        if self.warmup_target is None:
            return _cosine(min(step / self.decay_steps, 1), self.initial_learning_rate, self.alpha)
        if step < self.warmup_steps:
            gain = self.warmup_target - self.initial_learning_rate
            return self.initial_learning_rate + gain * step / self.warmup_steps
        return _cosine(min((step - self.warmup_steps) / self.decay_steps, 1), self.warmup_target, self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """`CosineDecay` again and again, each period t_mul times as long and m_mul times as high as the one before.

    Args:
        initial_learning_rate: the rate of the first step.
        first_decay_steps: the steps of the first period, 1 or more.
        t_mul: see above, 1 or more.
        m_mul: see above.
        alpha: the lowest rate's share of the first.
        name: the schedule's name.

    Raises:
        TypeError: if a rate isn't a number.
        ValueError: if first_decay_steps isn't positive or t_mul less than 1.

    Example:
    >>> from pyconv.optimizers.schedules import CosineDecayRestarts
    >>> rate = CosineDecayRestarts(0.2, first_decay_steps=10, t_mul=2.0, m_mul=0.5)
    >>> [round(rate(step), 6) for step in (0, 5, 10, 20, 30)]
    [0.2, 0.1, 0.1, 0.05, 0.05]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        op = type(self).__name__
        self.initial_learning_rate = _rate(self, "initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = integer(op, "first_decay_steps", first_decay_steps)
        self.t_mul = real_number(op, "t_mul", t_mul, 1, math.inf, open_end=True)
        self.m_mul = _rate(self, "m_mul", m_mul)
        self.alpha = _rate(self, "alpha", alpha)
        self.name = name

    def __call__(self, step: int) -> float:
        start, length, height = 0.0, float(self.first_decay_steps), 1.0
        if self.t_mul == 1:
            periods = step // self.first_decay_steps
            start, height = periods * length, self.m_mul**periods
        while step >= start + length:  # few turns, for periods grow
            start, length, height = start + length, length * self.t_mul, height * self.m_mul
        # The floor is a share of the first rate, not of this period's.
        share = (1 - self.alpha) * height * _cosine((step - start) / length, 1.0, 0.0) + self.alpha
        return self.initial_learning_rate * share


_REGISTRY = Registry(
    "optimizers.schedules",
    {
        cls.__name__: cls
        for cls in (
            CosineDecay,
            CosineDecayRestarts,
            ExponentialDecay,
            InverseTimeDecay,
            PiecewiseConstantDecay,
            PolynomialDecay,
        )
    },
)


def serialize(schedule: Any) -> dict[str, Any]:
    """A schedule as the dict that Keras writes into a configuration; `deserialize` reads it.

    Raises:
        TypeError: if it has no configuration: a plain function.
    """
    return _REGISTRY.serialize(schedule)


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The schedule that `serialize`, or Keras', described.

    Args:
        config: the description.
        custom_objects: classes that aren't pyconv's, by their names.

    Raises:
        ValueError: if it names a class that isn't known.
    """
    from pyconv.saving import custom_object_scope  # noqa: PLC0415 - so that `import pyconv` stays light

    with custom_object_scope(custom_objects or {}):
        return _REGISTRY.get(config)


def _cosine(done: float, rate: float, alpha: float) -> float:
    return rate * ((1 - alpha) * 0.5 * (1 + math.cos(math.pi * done)) + alpha)


def _rate(schedule: LearningRateSchedule, name: str, value: float) -> float:
    return real_number(type(schedule).__name__, name, value, 0, math.inf, open_end=True)
