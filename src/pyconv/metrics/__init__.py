"""Metrics: what people look at while a model learns. Not differentiable; for that see pyconv.losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconv import losses
from pyconv.losses import mean_squared_error
from pyconv.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    accuracy_by_shape,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from pyconv.metrics.auc import AUC
from pyconv.metrics.confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from pyconv.metrics.errors import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from pyconv.metrics.f_score import F1Score, FBetaScore
from pyconv.metrics.iou import BinaryIoU, IoU, MeanIoU
from pyconv.metrics.means import Mean, MeanMetricWrapper, Sum
from pyconv.metrics.metric import Metric
from pyconv.naming import snake_case
from pyconv.registry import Registry

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "IoU",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "Poisson",
    "Precision",
    "Recall",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "accuracy_by_shape",
    "binary_accuracy",
    "categorical_accuracy",
    "get",
    "mean_squared_error",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]

# Metrics that are made without arguments by their names in snake case, Keras' short ones among them.
_CLASSES: dict[str, type[Metric]] = {
    snake_case(cls.__name__): cls
    for cls in (
        AUC,
        BinaryAccuracy,
        BinaryCrossentropy,
        BinaryIoU,
        CategoricalAccuracy,
        CategoricalCrossentropy,
        CategoricalHinge,
        CosineSimilarity,
        F1Score,
        FBetaScore,
        FalseNegatives,
        FalsePositives,
        Hinge,
        KLDivergence,
        LogCoshError,
        Mean,
        MeanAbsoluteError,
        MeanAbsolutePercentageError,
        MeanSquaredError,
        MeanSquaredLogarithmicError,
        Poisson,
        Precision,
        Recall,
        RootMeanSquaredError,
        SparseCategoricalAccuracy,
        SparseCategoricalCrossentropy,
        SparseTopKCategoricalAccuracy,
        SquaredHinge,
        Sum,
        TopKCategoricalAccuracy,
        TrueNegatives,
        TruePositives,
    )
}
_SHORT: dict[str, type[Metric]] = {
    "bce": BinaryCrossentropy,
    "kl_divergence": KLDivergence,
    "kld": KLDivergence,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "mse": MeanSquaredError,
    "msle": MeanSquaredLogarithmicError,
    "rmse": RootMeanSquaredError,
}
_NEED_ARGUMENTS = {"accuracy_class": Accuracy, "io_u": IoU, "mean_io_u": MeanIoU}
_REGISTRY = Registry("metrics", _CLASSES | _SHORT | _NEED_ARGUMENTS)


def get(identifier: Any) -> Metric:
    """The metric that `identifier` means.

    Args:
        identifier: a name ("accuracy" for the one that fits the labels, "mse", "AUC", "top_k_categorical_accuracy"),
            a class, what `serialize` returns, a function (y_true, y_pred) -> one number a sample, or a metric, which
            is returned as it is.

    Raises:
        TypeError: if it is none of these.
        ValueError: if there is no metric of that name.

    Example:
    >>> from pyconv import metrics
    >>> metrics.get("mse").name
    'mse'
    """
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, losses.Loss):
        return MeanMetricWrapper(identifier.call, identifier.name)
    if identifier in ("accuracy", "acc"):
        metric: Metric = MeanMetricWrapper(accuracy_by_shape, identifier)
        metric._direction = "up"
        return metric
    known = identifier.lower() if isinstance(identifier, str) and identifier.lower() in _SHORT else identifier
    found: Callable[..., Any] = _REGISTRY.get(known)
    metric = found if isinstance(found, Metric) else MeanMetricWrapper(found)
    if isinstance(identifier, str):
        metric.name = identifier  # as Keras calls it in logs
    return metric


def serialize(metric: Any) -> dict[str, Any]:
    """The metric as the dict that Keras writes into a configuration; `get` reads it.

    Raises:
        TypeError: if it has no configuration: a plain function.
    """
    return _REGISTRY.serialize(metric)
