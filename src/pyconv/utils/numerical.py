"""Arrays of labels and vectors brought into the form that training wants."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconv.gradient import Array
from pyconv.ops.arrays import as_classes, as_float
from pyconv.ops.geometry import axis_tuple, integer


def to_categorical(x: ArrayLike, num_classes: int | None = None) -> NDArray[np.float64]:
    """One-hot rows for class numbers.

    Args:
        x: class numbers (...) or (..., 1), counted from 0.
        num_classes: the number of classes K; the largest class number plus one by default.

    Returns:
        (..., K): one where the class is, zero elsewhere.

    Raises:
        TypeError: if x doesn't hold numbers.
        ValueError: if a number is no class.

    Example:
    >>> from pyconv.utils import to_categorical
    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    if num_classes is not None:
        num_classes = integer("to_categorical", "num_classes", num_classes)
    classes = as_classes("to_categorical", "x", x, num_classes)
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    rows = np.zeros((*classes.shape, num_classes or int(classes.max(initial=-1)) + 1))
    np.put_along_axis(rows, classes[..., np.newaxis], 1, axis=-1)
    return rows


def normalize(x: ArrayLike, axis: int = -1, order: int = 2) -> Array:
    """Vectors along an axis divided by their norms; a vector of zeros stays one.

    Args:
        x: numbers.
        axis: the axis along which the vectors lie.
        order: which norm: 2 for the Euclidean one, 1 for the sum of absolute values, and so on.

    Returns:
        An array of the same shape: float64 if x is float64, otherwise float32.

    Raises:
        TypeError: if x doesn't hold real numbers.
        ValueError: if x has no such axis.

    Example:
    >>> from pyconv.utils import normalize
    >>> normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """
    source = np.atleast_1d(as_float("normalize", "x", x))
    (place,) = axis_tuple("normalize", axis, source.ndim)
    norms = np.linalg.norm(source, order, place, keepdims=True)
    norms[norms == 0] = 1
    scaled: Array = source / norms
    return scaled
