"""A slice of what tests/fuzz/fuzz_ops.py runs for hours, and every bad argument that it knows, once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pyconv import ops

FOLDER = Path(__file__).parent

EVERY_BAD_ARGUMENT = """
import collections, resource, warnings
from fuzz import bad_arguments

resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
warnings.simplefilter("ignore")
counts = collections.Counter(map(bad_arguments.check, bad_arguments.EVERY_CALL))
print(counts["refused"] > 5000, counts["ran"] > 2000, counts["out of memory"] > 0)
"""


def run(*arguments: str) -> str:
    """In a process of its own, whose memory can be limited and which may crash."""
    environment = {**os.environ, "PYTHONPATH": str(FOLDER)}
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
@pytest.mark.skipif("san" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer needs the address space")
def test_a_slice_of_the_fuzzer() -> None:
    assert "ran" in run(str(FOLDER / "fuzz" / "fuzz_ops.py"), "--cases", "150")


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
@pytest.mark.skipif("san" in os.environ.get("LD_PRELOAD", ""), reason="a sanitizer needs the address space")
def test_every_bad_argument_is_refused_by_name_or_harmless() -> None:
    assert run("-c", EVERY_BAD_ARGUMENT) == "True True True\n"


def test_batch_normalization_has_the_precision_of_its_result() -> None:
    """A variance of float32 beside numbers of float64 was rounded as float32."""
    y = ops.batch_normalization(np.array([[3.0]]), [0.1], np.array([0.1], np.float32), -1)
    assert y.dtype == np.float64
    np.testing.assert_allclose(y, (3 - 0.1) / np.sqrt(float(np.float32(0.1)) + 0.001), rtol=1e-7)
    exact = ops.batch_normalization(np.array([[3.0]]), np.array([0.1]), np.array([0.1], np.float32), -1)
    np.testing.assert_allclose(exact, (3 - 0.1) / np.sqrt(float(np.float32(0.1)) + 0.001), rtol=1e-15)


def test_sparsemax_of_nothing() -> None:
    assert ops.sparsemax(np.zeros((2, 0))).shape == (2, 0)
