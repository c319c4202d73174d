"""Initializers of weights: callables (shape, dtype) -> array with Keras' names and distributions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from pyconv import config, random
from pyconv.gradient import Array
from pyconv.ops.geometry import int_tuple
from pyconv.registry import Registry

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "get",
    "serialize",
]

# The standard deviation of a normal distribution that was cut off at two standard deviations.
_TRUNCATED_STDDEV = 0.87962566103423978


class Initializer:
    """Base of all initializers: `values` in float64, cast to the dtype that is asked for."""

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> Array:
        """New values.

        Args:
            shape: the weight's shape.
            dtype: its dtype; `pyconv.config.floatx()` by default.
        """
        sizes = int_tuple(type(self).__name__, "shape", shape, len(shape), minimum=0)
        return np.asarray(self.values(sizes), dtype=config.floatx() if dtype is None else dtype)

    def values(self, shape: tuple[int, ...]) -> Array:
        """The values in double precision; what a subclass defines."""
        raise NotImplementedError(f"{type(self).__name__}: values() must be defined by the subclass.")

    def get_config(self) -> dict[str, Any]:
        """The arguments from which the constructor makes this initializer again."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Initializer:
        """A new initializer made from what `get_config` returned."""
        return cls(**config)

    def clone(self) -> Initializer:
        """A new initializer with the same arguments."""
        return self.from_config(self.get_config())


class Zeros(Initializer):
    """All zeros."""

    def values(self, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape)


class Ones(Initializer):
    """All ones."""

    def values(self, shape: tuple[int, ...]) -> Array:
        return np.ones(shape)


class Constant(Initializer):
    """One number everywhere.

    Args:
        value: the number; or an array that is broadcast to the weight's shape.
    """

    def __init__(self, value: ArrayLike = 0.0) -> None:
        self.value = value

    def values(self, shape: tuple[int, ...]) -> Array:
        return np.full(shape, self.value, dtype=np.float64)

    def get_config(self) -> dict[str, Any]:
        return {"value": self.value.tolist() if isinstance(self.value, np.ndarray) else self.value}


class RandomInitializer(Initializer):
    """Base of the random ones.

    Args:
        seed: with an integer every call gives the same values; with None they come from `pyconv.random`.
    """

    def __init__(self, seed: int | None = None) -> None:
        if seed is not None:
            random.seeded(type(self).__name__, seed)  # refuses a bad seed here rather than at the first call
        self.seed = seed

    def generator(self) -> np.random.Generator:
        """The generator that the next values come from."""
        return random.generator() if self.seed is None else random.seeded(type(self).__name__, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed}


class RandomNormal(RandomInitializer):
    """Normally distributed numbers.

    Args:
        mean: their mean.
        stddev: their standard deviation.
        seed: as in `RandomInitializer`.
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        if not stddev >= 0:
            raise ValueError(f"{type(self).__name__}: stddev must not be negative. Received: stddev={stddev}.")
        self.mean = mean
        self.stddev = stddev

    def values(self, shape: tuple[int, ...]) -> Array:
        return self.mean + self.stddev * self.generator().standard_normal(shape)

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}


class TruncatedNormal(RandomNormal):
    """Normally distributed numbers, drawn again where they lie beyond two standard deviations.

    Args as in `RandomNormal`; stddev is that before the cut.
    """

    def values(self, shape: tuple[int, ...]) -> Array:
        return self.mean + self.stddev * _truncated_normal(self.generator(), shape)


class RandomUniform(RandomInitializer):
    """Numbers spread evenly over an interval.

    Args:
        minval: its lower end.
        maxval: its upper end.
        seed: as in `RandomInitializer`.
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        if not minval <= maxval:
            raise ValueError(
                f"RandomUniform: minval must not exceed maxval. Received: minval={minval}, maxval={maxval}."
            )
        self.minval = minval
        self.maxval = maxval

    def values(self, shape: tuple[int, ...]) -> Array:
        return self.generator().uniform(self.minval, self.maxval, shape)

    def get_config(self) -> dict[str, Any]:
        return {"minval": self.minval, "maxval": self.maxval, **super().get_config()}


_Mode = Literal["fan_in", "fan_out", "fan_avg"]
_Distribution = Literal["truncated_normal", "untruncated_normal", "uniform"]


class VarianceScaling(RandomInitializer):
    """Random numbers of variance scale / n, where n comes from the weight's shape (see `fans`).

    Args:
        scale: a positive number.
        mode: n is "fan_in", "fan_out" or their mean "fan_avg".
        distribution: "truncated_normal", "untruncated_normal" or "uniform".
        seed: as in `RandomInitializer`.
        input_axes: the axes whose sizes multiply to fan_in, together with output_axes; None as `fans` counts.
        output_axes: the same for fan_out.

    Raises:
        ValueError: if an argument is none of these.

    Example:
    >>> from pyconv import initializers
    >>> kernel = initializers.VarianceScaling(mode="fan_avg", distribution="uniform")((3, 3, 32, 64), "float32")
    >>> bool(abs(kernel).max() <= (3 / (3 * 3 * (32 + 64) / 2)) ** 0.5)
    True
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: _Mode = "fan_in",
        distribution: _Distribution = "truncated_normal",
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed)
        if not scale > 0:
            raise ValueError(f"VarianceScaling: Argument `scale` must be positive float. Received: scale={scale}.")
        _require_one_of("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        _require_one_of("distribution", distribution, ("truncated_normal", "untruncated_normal", "uniform"))
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def values(self, shape: tuple[int, ...]) -> Array:
        fan_in, fan_out = fans(shape)
        if self.input_axes is not None and self.output_axes is not None:
            fan_in, fan_out = (math.prod(shape[axis] for axis in axes) for axes in (self.input_axes, self.output_axes))
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, n))
        if self.distribution == "uniform":
            limit = math.sqrt(3.0) * stddev
            return self.generator().uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return stddev * self.generator().standard_normal(shape)
        return stddev / _TRUNCATED_STDDEV * _truncated_normal(self.generator(), shape)

    def get_config(self) -> dict[str, Any]:
        return {
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            "input_axes": self.input_axes,
            "output_axes": self.output_axes,
            **super().get_config(),
        }


class _NamedScaling(VarianceScaling):
    """A VarianceScaling that has a name of its own, and nothing left to choose but the seed and the axes."""

    _choice: tuple[float, _Mode, _Distribution]

    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self._choice, seed, input_axes, output_axes)

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed, "input_axes": self.input_axes, "output_axes": self.output_axes}


class GlorotUniform(_NamedScaling):
    """Uniform, variance 2 / (fan_in + fan_out): Glorot and Bengio, AISTATS 2010. The default of kernels."""

    _choice = (1.0, "fan_avg", "uniform")


class GlorotNormal(_NamedScaling):
    """Truncated normal, variance 2 / (fan_in + fan_out): Glorot and Bengio, AISTATS 2010."""

    _choice = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_NamedScaling):
    """Uniform, variance 2 / fan_in: He et al., ICCV 2015."""

    _choice = (2.0, "fan_in", "uniform")


class HeNormal(_NamedScaling):
    """Truncated normal, variance 2 / fan_in: He et al., ICCV 2015."""

    _choice = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_NamedScaling):
    """Uniform, variance 1 / fan_in: LeCun et al., Efficient BackProp, 1998."""

    _choice = (1.0, "fan_in", "uniform")


class LecunNormal(_NamedScaling):
    """Truncated normal, variance 1 / fan_in: LeCun et al., Efficient BackProp, 1998."""

    _choice = (1.0, "fan_in", "truncated_normal")


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """How many inputs and outputs a unit of a weight of this shape has, counted as Keras counts.

    Example:
    >>> from pyconv.initializers import fans
    >>> fans((3, 3, 32, 64))
    (288, 576)
    """
    if len(shape) < 2:
        fan = math.prod(shape)
        return fan, fan
    *window, channels, filters = shape
    return math.prod(window) * channels, math.prod(window) * filters


class Orthogonal(RandomInitializer):
    """Orthogonal rows or columns, whichever are fewer: Saxe et al., ICLR 2014. The last axis counts as columns.

    Args:
        gain: a factor.
        seed: as in `RandomInitializer`.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def values(self, shape: tuple[int, ...]) -> Array:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: shape must have two axes or more. Received: shape={shape}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(self.generator().standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diag(r))  # without which the matrices wouldn't be uniformly distributed
        return self.gain * (q if rows >= columns else q.T).reshape(shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}


class Identity(Initializer):
    """The identity matrix.

    Args:
        gain: a factor.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def values(self, shape: tuple[int, ...]) -> Array:
        if len(shape) != 2:
            raise ValueError(f"Identity: shape must have two axes. Received: shape={shape}.")
        return self.gain * np.eye(*shape)

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}


_REGISTRY = Registry(
    "initializers",
    {
        "constant": Constant,
        "glorot_normal": GlorotNormal,
        "glorot_uniform": GlorotUniform,
        "he_normal": HeNormal,
        "he_uniform": HeUniform,
        "identity": Identity,
        "IdentityInitializer": Identity,  # as old files have it
        "lecun_normal": LecunNormal,
        "lecun_uniform": LecunUniform,
        "ones": Ones,
        "one": Ones,
        "orthogonal": Orthogonal,
        "OrthogonalInitializer": Orthogonal,
        "random_normal": RandomNormal,
        "normal": RandomNormal,
        "random_uniform": RandomUniform,
        "uniform": RandomUniform,
        "truncated_normal": TruncatedNormal,
        "variance_scaling": VarianceScaling,
        "zeros": Zeros,
        "zero": Zeros,
    },
)


def get(identifier: Any) -> Any:
    """The initializer that `identifier` means.

    Args:
        identifier: a name ("he_normal" or "HeNormal"), a class, what `serialize` returns, or any callable
            (shape, dtype) -> array, which is returned as it is; None gives None.

    Raises:
        TypeError: if it is none of these.
        ValueError: if there is no initializer of that name.

    Example:
    >>> from pyconv import initializers
    >>> initializers.get("zeros")((2,), "float32")
    array([0., 0.], dtype=float32)
    """
    return None if identifier is None else _REGISTRY.get(identifier)


def serialize(initializer: Any) -> dict[str, Any] | None:
    """The initializer as the dict that Keras writes into a configuration; `get` reads it. None gives None.

    Raises:
        TypeError: if it isn't one of this module's.
    """
    return None if initializer is None else _REGISTRY.serialize(initializer)


def _truncated_normal(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    values = np.asarray(generator.standard_normal(shape))
    while (outside := np.abs(values) > 2).any():
        values[outside] = generator.standard_normal(np.count_nonzero(outside))
    return values


def _require_one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(
            f"VarianceScaling: Invalid `{name}` argument: it must be one of {', '.join(allowed)}. Received: {value!r}."
        )
