"""The process as Keras programs set it up: names that are counted, and random numbers."""

from __future__ import annotations

import numpy as np

from pyconv import naming, random
from pyconv.config import release_workspaces


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
