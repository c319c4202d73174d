"""Memory between calls: workspaces are kept and can be given back, and nothing grows."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

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
    assert layer.kernel._packed.cache_info().currsize == 4  # type: ignore[attr-defined]
