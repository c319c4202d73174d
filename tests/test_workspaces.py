"""Memory between calls: workspaces are kept and can be given back, and nothing grows."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

import pyconv
from pyconv import _core, layers, ops


def test_a_workspace_is_kept_and_given_back() -> None:
    pyconv.release_workspaces()
    assert _core.kept_workspace_bytes() == 0
    x, kernel = np.ones((1, 9, 9, 4), np.float32), np.ones((3, 3, 4, 8), np.float32)
    y = ops.conv(x, kernel)
    kept = _core.kept_workspace_bytes()
    assert kept >= kernel.nbytes  # the weights were packed for this run alone
    for _ in range(10):
        ops.conv(x, kernel)
    assert _core.kept_workspace_bytes() == kept
    pyconv.release_workspaces()
    assert _core.kept_workspace_bytes() == 0
    np.testing.assert_array_equal(ops.conv(x, kernel), y)


def large_result() -> NDArray[np.float32]:
    """Of 32 MiB."""
    result: NDArray[np.float32] = ops.conv(np.ones((1, 512, 512, 1), np.float32), np.ones((1, 1, 1, 32), np.float32))
    return result


def test_the_memory_of_a_large_result_is_used_again() -> None:
    pyconv.release_workspaces()
    first = large_result()
    assert _core.kept_result_bytes() == 0
    view, address = first[:, :2], first.ctypes.data
    del first
    assert _core.kept_result_bytes() == 0  # the view still needs it
    np.testing.assert_array_equal(view, 1)
    del view
    assert _core.kept_result_bytes() == 32 * 2**20
    second = large_result()
    assert second.ctypes.data == address
    assert _core.kept_result_bytes() == 0
    third = large_result()
    assert not np.shares_memory(second, third)
    second[:] = 2
    np.testing.assert_array_equal(third, 1)
    del second, third
    pyconv.release_workspaces()
    assert _core.kept_result_bytes() == 0


FAULTS = """
import resource
import numpy as np
from pyconv import layers, ops
from pyconv.addition import total

kernel = np.ones((1, 1, 32, 64), np.float32)
layer = layers.Conv2D(64, 1)
CALLS = {
    "layer": layer,
    "activation": ops.relu,
    "pool": lambda x: ops.max_pool(x, 2, strides=1),
    "transposed": lambda x: ops.conv_transpose(x, kernel.reshape(1, 1, 64, 32)),
    "pad": lambda x: ops.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0))),
    "channels first": lambda x: ops.conv(x.reshape(1, 32, *x.shape[1:3]), kernel, data_format="channels_first"),
    "sum": lambda x: total(x, x),
    "product": lambda x: ops.multiply(x, x),
}

def new_pages(call, x):
    for _ in range(5):
        call(x)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        call(x)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 100

for size in (6, 20, 34, 50, 80):  # 4.5 KB to 800 KB of 32 channels
    x = np.ones((1, size, size, 32), np.float32)
    for name, call in CALLS.items():
        print(f"{new_pages(call, x)} {name} {size}")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts as Linux does")
def test_results_get_no_new_pages_at_each_call() -> None:
    """Even where the allocator returns all to the system that it may: a page is 4 KB, results have 1 to 400 of them."""
    environment = os.environ | {"MALLOC_TRIM_THRESHOLD_": str(128 * 1024)}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 40
    assert [line for line in lines if float(line.split()[0]) >= 1] == []


def test_threads_never_share_a_result() -> None:
    def work(number: int) -> bool:
        ok = True
        for _ in range(4):
            y = large_result()
            y[:] = number
            pyconv.release_workspaces()
            ok = ok and bool((y == number).all())
        return ok

    with ThreadPoolExecutor(3) as threads:
        assert all(threads.map(work, range(3)))
    pyconv.release_workspaces()


MANY_CALLS = """
import gc, resource, sys
import numpy as np
from pyconv import layers, ops

layer = layers.Conv2D(8, 3, padding="same")
images = np.ones((4, 40, 40, 4), np.float32)
kernel = np.ones((3, 3, 4, 8), np.float32)
layer(images)

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()

def call(count):
    for i in range(count):
        x = images[: 1 + i % 4, : 5 + i % 31, : 5 + i % 35]  # 4 * 31 * 35 shapes, far more than plans are kept
        layer(x)
        ops.conv(x, kernel)
        ops.max_pool(x, 2)

call(2000)
gc.collect()
before = resident()
call(10_000)
gc.collect()
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ten_thousand_calls_of_many_shapes_dont_grow() -> None:
    """A plan is some 500 bytes and a result here up to 50 KB: kept for each call, they would be 5 MB and more."""
    done = subprocess.run([sys.executable, "-c", MANY_CALLS], capture_output=True, text=True, check=True, timeout=300)
    assert int(done.stdout) < 2e6


def test_packed_weights_are_bounded() -> None:
    layer = layers.Dense(3)
    for batch in range(1, 40):
        layer(np.ones((batch, 5), np.float32))
    assert layer.kernel._packed.cache_info().currsize == 4
