"""The version is the same wherever it is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pyconv

ROOT = Path(__file__).parents[1]
PLACES = {
    "pyproject.toml": r'^version = "(.+)"$',
    "CMakeLists.txt": r"^project\(pyconv VERSION (\S+)",
    "CITATION.cff": r"^version: (.+)$",
    "CHANGELOG.md": r"^## ([\d.]+)",
}


@pytest.mark.parametrize("name", PLACES)
def test_version(name: str) -> None:
    if not (ROOT / name).exists():
        pytest.skip(f"{name} is only beside the sources")
    found = re.search(PLACES[name], (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    assert found[1] == pyconv.__version__
