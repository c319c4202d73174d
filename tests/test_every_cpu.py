"""Older CPUs, emulated by QEMU: the import picks what they run, and nothing that it picks is an illegal instruction.

QEMU emulates no AVX-512. That level runs in all other tests, where the machine has it.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EMULATOR = shutil.which("qemu-x86_64")
SMOKE = str(Path(__file__).parent / "smoke.py")
ISA = "from pyconv import _core; print(_core.get_isa())"
RUNS = {
    "Nehalem": ([SMOKE, "x86_64_v2"], "x86_64_v2: "),  # of 2008: SSE4.2 and no more
    "Haswell": ([SMOKE, "x86_64_v3"], "x86_64_v3: "),  # of 2013: AVX2 and FMA
    "Haswell,-movbe": (["-c", ISA], "x86_64_v2"),  # as virtual machines leave out single instructions of a level
}

pytestmark = pytest.mark.skipif(
    EMULATOR is None or platform.machine() != "x86_64" or sys.platform != "linux",
    reason="needs qemu-x86_64 (Debian: qemu-user) and Linux on x86-64",
)


@pytest.fixture(scope="module")
def running() -> dict[str, subprocess.Popen[str]]:
    """All at once, for each uses one core for some ten seconds."""
    return {
        cpu: subprocess.Popen(
            [str(EMULATOR), "-cpu", cpu, sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYCONV_ISA": "", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        for cpu, (arguments, _) in RUNS.items()
    }


@pytest.mark.parametrize("cpu", RUNS)
def test_an_older_cpu(cpu: str, running: dict[str, subprocess.Popen[str]]) -> None:
    printed, errors = running[cpu].communicate(timeout=300)
    assert running[cpu].returncode == 0, errors
    assert printed.startswith(RUNS[cpu][1])
