"""The losses as metrics: their means over samples, without weights' penalties. The formulas are in `losses`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import losses
from pyconv.gradient import Array
from pyconv.metrics.means import MeanMetricWrapper
from pyconv.metrics.metric import alike


class _LossMean(MeanMetricWrapper):
    _direction = "down"


class MeanSquaredError(_LossMean):
    """The mean of (y_true - y_pred)^2.

    Args:
        name: the metric's name.
        dtype: as in `Metric`.
    """

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_error, name, dtype)


class RootMeanSquaredError(_LossMean):
    """The root of the mean of (y_true - y_pred)^2 over all numbers; arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(_squares, name, dtype)

    def result(self) -> float:
        """The root of the mean so far."""
        return math.sqrt(super().result())


class MeanAbsoluteError(_LossMean):
    """The mean of |y_true - y_pred|; arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(_LossMean):
    """The mean of `losses.mean_absolute_percentage_error`; arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(_LossMean):
    """The mean of `losses.mean_squared_logarithmic_error`; arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class LogCoshError(_LossMean):
    """The mean of `losses.log_cosh`; arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(losses.log_cosh, name, dtype)


class KLDivergence(_LossMean):
    """The mean of `losses.kl_divergence`; arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(_LossMean):
    """The mean of `losses.poisson`; arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(losses.poisson, name, dtype)


class Hinge(_LossMean):
    """The mean of `losses.hinge`; arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(_LossMean):
    """The mean of `losses.squared_hinge`; arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(_LossMean):
    """The mean of `losses.categorical_hinge`; arguments as in `MeanSquaredError`."""

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(losses.categorical_hinge, name, dtype)


class CosineSimilarity(MeanMetricWrapper):
    """The mean cosine of the angle between y_true and y_pred: 1 for the same direction, where the loss has -1.

    Args:
        name: the metric's name.
        dtype: as in `Metric`.
        axis: the axis of the vectors.
    """

    _direction = "up"

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(_cosine, name, dtype, axis=axis)


class BinaryCrossentropy(_LossMean):
    """The mean of `losses.binary_crossentropy`.

    Args:
        name: the metric's name.
        dtype: as in `Metric`.
        from_logits: as in the loss.
        label_smoothing: as in the loss.
    """

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        arguments = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(losses.binary_crossentropy, name, dtype, **arguments)


class CategoricalCrossentropy(_LossMean):
    """The mean of `losses.categorical_crossentropy`.

    Args:
        name: the metric's name.
        dtype: as in `Metric`.
        from_logits: as in the loss.
        label_smoothing: as in the loss.
        axis: as in the loss.
    """

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        arguments = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(losses.categorical_crossentropy, name, dtype, **arguments)


class SparseCategoricalCrossentropy(_LossMean):
    """The mean of `losses.sparse_categorical_crossentropy`; ignored samples count as 0.

    Args:
        name: the metric's name.
        dtype: as in `Metric`.
        from_logits: as in the loss.
        ignore_class: as in the loss.
        axis: as in the loss.
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        arguments = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(losses.sparse_categorical_crossentropy, name, dtype, **arguments)


def _cosine(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Array:
    return -losses.cosine_similarity(y_true, y_pred, axis)


def _squares(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    true, pred = alike("RootMeanSquaredError", y_true, y_pred)
    return np.asarray(np.square(pred - true))
