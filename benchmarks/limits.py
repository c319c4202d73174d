"""What the machine can do: copies are timed here, multiply-adds in the core. Both in pyconv's process."""

from __future__ import annotations

import threading
import time

import numpy as np

from pyconv import _core
from rows import Limits

# Together more than any cache holds, and little enough for a small machine.
BYTES = 256 << 20


def measure(threads: int, seconds: float) -> Limits:
    """Each limit, the best of many runs in so many seconds: what disturbs makes it slower, never faster."""
    return Limits(_core.fma_peak(threads, seconds), copy_speed(threads, seconds))


def copy_speed(threads: int, seconds: float) -> float:
    """Bytes read and written a second by threads that copy arrays of their own, without pause."""
    speeds = [0.0] * threads
    size = BYTES // 2 // threads

    def copy(number: int) -> None:
        source, target = np.ones(size, np.uint8), np.empty(size, np.uint8)
        target[:] = source  # the system hands out memory page by page at the first touch
        barrier.wait()
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            np.copyto(target, source)  # without the GIL
            speeds[number] = max(speeds[number], 2 * size / (time.perf_counter() - start))

    barrier = threading.Barrier(threads)
    team = [threading.Thread(target=copy, args=(number,)) for number in range(threads)]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    return sum(speeds)
