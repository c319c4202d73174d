"""A lock that a forked child finds free, whichever thread of its parent held it. Guards caches, not files."""

from __future__ import annotations

import os
import threading
import weakref
from types import TracebackType

__all__ = ["Lock"]


class Lock:
    """A lock for `with`, not to be taken twice by one thread.

    A fork copies the thread that forks and no other: a lock that another holds would never be released in the child.
    What it guards must be whole at every moment, since the child may find it half changed.

    Example:
    >>> from pyconv.locks import Lock
    >>> lock = Lock()
    >>> with lock:
    ...     pass
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _all.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()


_all: weakref.WeakSet[Lock] = weakref.WeakSet()


def _renew() -> None:
    for lock in _all:
        lock._lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_renew)
