"""The functions of `keras.utils` that Keras programs use with such a library; nothing of our own."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyconv import naming, random
from pyconv.config import release_workspaces
from pyconv.ops.arrays import as_classes
from pyconv.ops.geometry import integer
from pyconv.py_dataset import PyDataset, Sequence

__all__ = ["PyDataset", "Sequence", "clear_session", "set_random_seed", "to_categorical"]


def clear_session(free_memory: bool = True) -> None:
    """Counts the names of layers and models from the beginning again; there is no other state to clear.

    Args:
        free_memory: whether the core gives back the memory that it keeps for its next run.

    Example:
    >>> from pyconv import layers, utils
    >>> utils.clear_session()
    >>> layers.Dense(1).name, layers.Dense(1).name
    ('dense', 'dense_1')
    """
    naming.start_anew()
    if free_memory:
        release_workspaces()


def set_random_seed(seed: int) -> None:
    """Seeds pyconv, and as in Keras also NumPy's old global generator and Python's `random`.

    Args:
        seed: an integer in 0..2**32 - 1.

    Raises:
        TypeError: if seed isn't an integer.
        ValueError: if it is out of range.
    """
    random.seeded("set_random_seed", seed)
    if seed >= 2**32:
        raise ValueError(f"set_random_seed: seed must be less than 2**32. Received: seed={seed}.")
    random.seed(seed)
    import random as python_random  # noqa: PLC0415 - so that `import pyconv` stays light

    np.random.seed(seed)  # noqa: NPY002  # it is the old one that programs may depend on
    python_random.seed(int(seed))


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
