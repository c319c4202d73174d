"""What has been tuned in this process: every plan made from then on asks for it. See `pyconv.ops.conv_plans.Tuned`."""

from __future__ import annotations

from collections.abc import Mapping

from pyconv import changes
from pyconv.locks import Lock
from pyconv.ops.conv_plans import Key, Tuned

_lock = Lock()


def remember(algorithms: Mapping[Key, str]) -> None:
    """Takes these algorithms from now on; with "" the core chooses again."""
    with _lock:
        _replace({**Tuned.algorithms, **algorithms})


def clear() -> None:
    """Forgets all that was tuned or loaded: the core chooses the algorithms again."""
    with _lock:
        _replace({})


def _replace(algorithms: dict[Key, str]) -> None:
    # In this order: who reads the new version finds the new algorithms.
    Tuned.algorithms = {key: name for key, name in algorithms.items() if name}
    Tuned.version += 1
    changes.note()
