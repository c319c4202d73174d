"""Instruction sets and threads as the core sees them, and what a forked child makes of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pyconv import _core

SHOW_ISA = "from pyconv import _core; print(_core.get_isa())"


def test_the_isas_are_distinct_and_one_is_in_use() -> None:
    names = _core.available_isas()
    assert len(set(names)) == len(names) >= 1
    assert _core.get_isa() in names


def test_an_isa_can_be_chosen(isa: str) -> None:
    assert _core.get_isa() == isa


def test_an_unknown_isa_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=_core.available_isas()[-1]):
        _core.set_isa("x86_64_v9")


@pytest.mark.parametrize("name", _core.available_isas())
def test_the_environment_chooses_the_isa(name: str) -> None:
    environment = {**os.environ, "PYCONV_ISA": name}
    done = subprocess.run(
        [sys.executable, "-c", SHOW_ISA], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == name


def test_an_unknown_isa_in_the_environment_is_an_error_at_import() -> None:
    environment = {**os.environ, "PYCONV_ISA": "x86_64_v9"}
    done = subprocess.run(
        [sys.executable, "-c", SHOW_ISA], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1  # an exception, not a crash
    assert "PYCONV_ISA" in done.stderr
    assert "x86_64_v9" in done.stderr


def test_threads_are_kept(threads: int) -> None:
    assert _core.get_num_threads() == threads


def test_the_build_says_what_it_is() -> None:
    config = _core.build_config()
    assert config
    assert all(isinstance(key, str) for key in config)


def test_the_fma_peak_is_a_speed(isa: str, threads: int) -> None:
    assert 1e8 < _core.fma_peak(threads, 0.0) < 1e15  # one short run; slower than any CPU of today, faster than any


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_computes_after_its_parent_used_threads() -> None:
    """Threads don't survive a fork: a child that waits for its parent's hangs for ever."""
    plan = _core.ConvPlan(
        "conv", "forward", "float32", 4, 16, 16, 1, (32, 32), (3, 3), (1, 1), (1, 1), ((1, 1), (1, 1))
    )
    x, kernel = np.ones((4, 32, 32, 16), np.float32), np.ones((3, 3, 16, 16), np.float32)
    y = np.zeros((4, 32, 32, 16), np.float32)
    before = _core.get_num_threads()
    _core.set_num_threads(2)
    try:
        plan.run(x, kernel, None, y)
        child = os.fork()
        if child == 0:
            again = np.zeros_like(y)
            plan.run(x, kernel, None, again)
            os._exit(0 if np.array_equal(y, again) else 3)
        assert _wait(child, seconds=60) == 0
    finally:
        _core.set_num_threads(before)


# A pooling that is worth two threads, as the digest of its bits, after which the CPUs that each thread may use.
POOL = """
import hashlib, os, time
from pyconv import _core
import numpy as np

plan = _core.PoolPlan("p", "max", "float32", 4, 64, (64, 64), (3, 3), (2, 2), (1, 1), ((0, 0), (0, 0)))
x = np.random.default_rng(1).standard_normal((4, 64, 64, 64), np.float32)
y = np.empty((4, 31, 31, 64), np.float32)

def pool():
    plan.forward(x, y)
    return hashlib.sha256(y).hexdigest()

def cpus():
    return {int(task): os.sched_getaffinity(int(task)) for task in os.listdir("/proc/self/task")}
"""


def _run(code: str) -> list[str]:
    environment = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    environment["OPENBLAS_NUM_THREADS"] = "1"  # NumPy's threads aren't looked at
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.split()


on_linux = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no CPU affinity")


@on_linux
def test_a_process_bound_to_one_cpu_uses_one_thread() -> None:
    bind = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    show = "print(_core.get_num_threads(), pool(), len(cpus()))"
    free, bound = _run(POOL + show), _run(bind + POOL + show)
    assert bound == ["1", free[1], "1"]
    # More threads than CPUs are the caller's choice; they stay on that CPU and change no bit.
    asked = _run(bind + POOL + "_core.set_num_threads(3); print(pool(), *{len(c) for c in cpus().values()})")
    assert asked == [free[1], "1"]


@on_linux
@pytest.mark.skipif(len(getattr(os, "sched_getaffinity", lambda _: ())(0)) < 2, reason="there is one CPU only")
def test_threads_that_slept_wake_beside_the_caller_and_where_it_may_run() -> None:
    """Two CPUs and two threads: the second must be woken on the CPU that the first isn't on."""
    two = "import os; os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:2]))\n"
    rest = """
_core.set_num_threads(2)
first = pool()
time.sleep(0.1)  # longer than a thread looks for work
assert pool() == first
(worker,) = (c for task, c in cpus().items() if task != os.getpid())
print(len(worker), worker < os.sched_getaffinity(0))
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
time.sleep(0.1)
assert pool() == first
print(*(c == os.sched_getaffinity(0) for c in cpus().values()))
"""
    assert _run(two + POOL + rest) == ["1", "True", "True", "True"]


@pytest.mark.parametrize("threads", [2], indirect=True)
def test_callers_in_several_threads_get_the_same_bits(threads: int, rng: np.random.Generator) -> None:
    plan = _core.PoolPlan("p", "max", "float32", 2, 64, (64, 64), (3, 3), (2, 2), (1, 1), ((0, 0), (0, 0)))
    x = rng.standard_normal((2, 64, 64, 64), np.float32)
    results = [np.zeros((2, 31, 31, 64), np.float32) for _ in range(8)]
    with ThreadPoolExecutor(4) as callers:
        list(callers.map(lambda y: plan.forward(x, y), results))
    assert all(np.array_equal(y, results[0]) for y in results)
    assert results[0].any()


def _wait(child: int, seconds: float) -> int:
    """The child's exit code; a child that hangs is killed and reported as -9."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
