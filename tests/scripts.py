"""Scripts in processes of their own, two at a time: while one test waits for its script, that of a later test runs.

A module names them in `SCRIPTS`, by the test that takes the fixture `script` (conftest.py). Not for scripts whose speed
is tested.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Container, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

AT_ONCE = 2  # the cores of a small machine
TIMEOUT = 300  # seconds

# What a script is started with that would share its cores with another's threads.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


class Script(NamedTuple):
    """What to run.

    Attributes:
        command: what follows `python`, given a folder for the script alone; may write what the script reads there.
        needs: the packages that it can't do without.
        environment: variables beside those of the tests, whose values may say {folder}.
    """

    command: Callable[[Path], list[str]]
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}


class Finished(NamedTuple):
    """A script that has ended, and its folder."""

    returncode: int
    stdout: str
    stderr: str
    folder: Path


class Scripts:
    """Those of the named tests.

    Args:
        scripts: by the test's name, in the order in which they begin: the longest first.
        tests: the names of the tests that will run.
        folder: gives a new folder.
    """

    def __init__(self, scripts: Mapping[str, Script], tests: Container[str], folder: Callable[[], Path]) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._lacking: dict[str, str] = {}
        self._running: dict[str, Future[Finished]] = {}
        for name, script in scripts.items():
            if name not in tests:
                continue
            if lacking := [package for package in script.needs if importlib.util.find_spec(package) is None]:
                self._lacking[name] = lacking[0]
            else:
                self._running[name] = self._pool.submit(_run, script, folder())

    def result(self, test: str) -> Finished:
        """Waits for the script of this test, which is skipped if a package is missing."""
        if test in self._lacking:
            pytest.skip(f"needs {self._lacking[test]}")
        return self._running[test].result()

    def end(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def _run(script: Script, folder: Path) -> Finished:
    done = subprocess.run(
        [sys.executable, *script.command(folder)],
        env={**os.environ, **{name: value.format(folder=folder) for name, value in script.environment.items()}},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )
    return Finished(done.returncode, done.stdout, done.stderr, folder)
