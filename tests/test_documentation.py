"""Everything that the documentation shows runs: the README's Python blocks and the examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

import pyconv

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
# pyconv._core is compiled; its contract is the stub.
MODULES = sorted(
    module.name for module in pkgutil.walk_packages(pyconv.__path__, "pyconv.") if module.name != "pyconv._core"
)


def test_the_readme_shows_code() -> None:
    assert BLOCKS


def test_the_readmes_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks follow one another as in a session; what they write goes to a temporary folder."""
    if any("mlxtend" in block for block in BLOCKS):
        pytest.importorskip("mlxtend")
    if any("plotting" in block for block in BLOCKS):
        pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "readme"}
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), namespace)


@pytest.mark.parametrize("name", ["pyconv", *MODULES])
def test_docstrings_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    if any("plotting" in example for example in _examples(module)):
        pytest.importorskip("matplotlib")
    if any("onnx" in example for example in _examples(module)):
        pytest.importorskip("onnx")
    options = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, _ = doctest.testmod(module, optionflags=options, raise_on_error=False)
    assert failed == 0, "the captured output above says which"


def _examples(module: ModuleType) -> list[str]:
    return [example.source for test in doctest.DocTestFinder().find(module) for example in test.examples]


@pytest.mark.parametrize("module", ["ops", "layers"])
def test_every_public_function_and_class_is_documented(module: str) -> None:
    namespace = getattr(pyconv, module)
    for name in namespace.__all__:
        thing = getattr(namespace, name)
        assert inspect.getdoc(thing), name
        summary = (inspect.getdoc(thing) or "").splitlines()[0]
        assert summary.endswith((".", ":")), f"{name}: {summary}"
