"""Labels and predictions as the losses and metrics take them: checked, of one dtype and one shape. Computes no loss."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import ops
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.ops.arrays import as_float


def matched(op: str, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    """Both as arrays of one shape and of y_pred's dtype; (N, 1) and (N,) are taken for the same.

    Raises:
        TypeError: if one doesn't hold real numbers.
        ValueError: if the shapes differ.
    """
    predicted = as_float(op, "y_pred", y_pred)
    target = as_float(op, "y_true", y_true).astype(predicted.dtype, copy=False)
    if predicted.shape == (*target.shape, 1):
        target = target[..., np.newaxis]
    elif target.shape == (*predicted.shape, 1):
        predicted = ops.reshape(predicted, target.shape)
    if target.shape != predicted.shape or not predicted.ndim:
        raise ValueError(
            f"{op}: y_true and y_pred must have the same shape, with one axis at least. "
            f"Received: y_true.shape={target.shape}, y_pred.shape={predicted.shape}."
        )
    return target, predicted


def smoothed(op: str, target: Array, label_smoothing: float, classes: int) -> Array:
    """(1 - s) * target + s / classes: certainty taken back by s = label_smoothing in 0..1.

    Raises:
        ValueError: if label_smoothing is out of range.
    """
    smoothing = real_number(op, "label_smoothing", label_smoothing, 0, 1)
    return target * (1 - smoothing) + smoothing / classes if smoothing else target


def number(op: str, name: str, value: Any, low: float = 0.0, high: float = np.inf) -> float:
    """The argument `name` of `op` as a number in [low, high]."""
    return real_number(op, name, value, low, high)
