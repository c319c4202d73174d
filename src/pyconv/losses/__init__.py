"""Losses with Keras' names, values and gradients. What a model minimises, not what it reports: see `metrics`.

The lower-case functions give one number a sample, the classes reduce those to one number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv.gradient import Array
from pyconv.losses.binary import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    binary_crossentropy,
    binary_focal_crossentropy,
)
from pyconv.losses.categorical import (
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    SparseCategoricalCrossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    sparse_categorical_crossentropy,
)
from pyconv.losses.hinge import CategoricalHinge, Hinge, SquaredHinge, categorical_hinge, hinge, squared_hinge
from pyconv.losses.loss import Loss, LossFunctionWrapper
from pyconv.losses.regression import (
    CosineSimilarity,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    cosine_similarity,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
)
from pyconv.losses.segmentation import Dice, Tversky, dice, tversky
from pyconv.registry import Registry

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Dice",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Tversky",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "dice",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
    "tversky",
]


def crossentropy_by_shape(y_true: ArrayLike, y_pred: ArrayLike) -> Array:
    """What "crossentropy" means in `compile`: binary, sparse or categorical, whichever fits the shapes."""
    true, pred = np.shape(y_true), np.shape(y_pred)
    if pred and pred[-1] == 1:
        return binary_crossentropy(y_true, y_pred)
    if len(true) < len(pred) or (true and true[-1] == 1):
        return sparse_categorical_crossentropy(y_true, y_pred)
    return categorical_crossentropy(y_true, y_pred)


_CLASSES: dict[str, type[Loss]] = {
    "binary_crossentropy": BinaryCrossentropy,
    "binary_focal_crossentropy": BinaryFocalCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "categorical_focal_crossentropy": CategoricalFocalCrossentropy,
    "categorical_hinge": CategoricalHinge,
    "cosine_similarity": CosineSimilarity,
    "dice": Dice,
    "hinge": Hinge,
    "huber": Huber,
    "kl_divergence": KLDivergence,
    "log_cosh": LogCosh,
    "mean_absolute_error": MeanAbsoluteError,
    "mean_absolute_percentage_error": MeanAbsolutePercentageError,
    "mean_squared_error": MeanSquaredError,
    "mean_squared_logarithmic_error": MeanSquaredLogarithmicError,
    "poisson": Poisson,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "squared_hinge": SquaredHinge,
    "tversky": Tversky,
}
_SHORT = {
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
}
_REGISTRY = Registry("losses", _CLASSES | {short: _CLASSES[name] for short, name in _SHORT.items()})


def get(identifier: Any) -> Loss:
    """The loss that `identifier` means, always one that reduces to a number as `compile` needs it.

    Args:
        identifier: a name ("mse", "mean_squared_error" or "MeanSquaredError"; "crossentropy" for the one that fits the
            labels), a `Loss` or its class, what `serialize` returns, or a function (y_true, y_pred) -> one number a
            sample, made with `pyconv.ops`.

    Raises:
        TypeError: if it is none of these.
        ValueError: if there is no loss of that name.

    Example:
    >>> from pyconv import losses
    >>> losses.get("mse").name
    'mean_squared_error'
    """
    if identifier in ("crossentropy", "ce"):
        return LossFunctionWrapper(crossentropy_by_shape, name=identifier)
    known = identifier.lower() if isinstance(identifier, str) and identifier.lower() in _SHORT else identifier
    found = _REGISTRY.get(known)
    return found if isinstance(found, Loss) else LossFunctionWrapper(found)


def serialize(loss: Any) -> dict[str, Any]:
    """The loss as the dict that Keras writes into a configuration; `get` reads it.

    Raises:
        TypeError: if it has no configuration: a plain function.
    """
    return _REGISTRY.serialize(loss)
