"""What the machine can do: copies are timed here, multiply-adds in the core.

Measured in the process that asks the peers, as one of theirs would be the warmer for it.
"""

from __future__ import annotations

import threading
import time

import numpy as np

import worker
from pyconv import _core
from rows import Limits

# Together more than any cache holds, and little enough for a small machine.
BYTES = 256 << 20
# Two threads on one core reach half of their limit; other disturbances cost less than a tenth.
REACHED = 0.75
# Runs of some milliseconds: the first after a pause often has both threads on one core (worker.SETTLE).
RUNS = 6


def measure(threads: int, seconds: float) -> Limits:
    """Each limit, the best of many runs in so many seconds: what disturbs makes it slower, never faster."""
    return Limits(_core.fma_peak(threads, seconds), copy_speed(threads, seconds))


def reached(limits: Limits, threads: int) -> bool:
    """Whether the threads multiply and add as fast now as they can."""
    found = any(_core.fma_peak(threads, 0) >= REACHED * limits.flops for _ in range(RUNS))
    worker.rest()
    return found


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
