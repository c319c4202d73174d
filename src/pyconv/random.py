"""The one source of randomness: initializers, shuffling and dropout all draw from it. Not a set of distributions."""

from __future__ import annotations

import operator

import numpy as np

from pyconv.locks import Lock

__all__ = ["generator", "seed"]

# Made when it is first asked for: numpy.random is a third of what `import pyconv` would take otherwise.
_lock = Lock()
_generator: np.random.Generator | None = None


def seed(seed: int) -> None:
    """Starts the random numbers of the process anew, so that a program gives the same results every time.

    Args:
        seed: an integer, 0 or more.

    Raises:
        TypeError: if seed isn't an integer.
        ValueError: if it is negative.

    Example:
    >>> import pyconv.random
    >>> pyconv.random.seed(7)
    >>> first = pyconv.random.generator().random()
    >>> pyconv.random.seed(7)
    >>> pyconv.random.generator().random() == first
    True
    """
    generator().bit_generator.state = seeded("seed", seed).bit_generator.state


def generator() -> np.random.Generator:
    """The generator of the process, always the same object."""
    global _generator  # noqa: PLW0603 - the one there is
    with _lock:
        if _generator is None:
            _generator = np.random.Generator(np.random.PCG64())
        return _generator


def seeded(op: str, seed: int) -> np.random.Generator:
    """A generator of its own that begins at `seed`; `op` is who asks, for errors."""
    try:
        if isinstance(seed, bool | np.bool_):
            raise TypeError
        number = operator.index(seed)
    except TypeError:
        raise TypeError(f"{op}: seed must be an integer. Received: seed={seed!r}.") from None
    if number < 0:
        raise ValueError(f"{op}: seed must not be negative. Received: seed={seed}.")
    return np.random.Generator(np.random.PCG64(number))
