"""`class_weight` of `fit`: a weight for each sample by its class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyconv.gradient import Array


def sample_weights(op: str, y: Any, class_weight: Mapping[int, float]) -> Array:
    """The weight of each sample's class, 1 for classes without one.

    Args:
        op: who asks, for errors.
        y: class numbers (N,) or (N, 1), or one-hot rows (N, K).
        class_weight: weights by class number.

    Raises:
        TypeError: if class_weight isn't a dictionary.
        ValueError: if the labels aren't those of one output, one class a sample.

    Example:
    >>> sample_weights("fit", np.array([[0, 1], [1, 0]]), {1: 5.0})
    array([5., 1.], dtype=float32)
    """
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"{op}: class_weight must be a dictionary. Received: class_weight={class_weight!r}.")
    if isinstance(y, dict | list | tuple) or y is None:
        raise ValueError(f"{op}: class_weight is for models with one output. Received: y={type(y).__name__}.")
    classes = y
    if classes.ndim > 1:
        classes = classes[..., 0] if classes.shape[-1] == 1 else classes.argmax(axis=-1)
    if classes.ndim != 1:
        raise ValueError(f"{op}: class_weight needs one class a sample. Received: y.shape={y.shape}.")
    present, places = np.unique(np.rint(classes).astype(np.int64), return_inverse=True)
    found: Array = np.array([class_weight.get(int(each), 1.0) for each in present], np.float32)[places]
    return found
