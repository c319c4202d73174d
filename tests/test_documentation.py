"""Everything that the documentation shows runs: Python blocks of README and pages, and the examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import pytest

import pictures
import pyconv

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES_WITH_CODE = [page for page in PAGES if pictures.BLOCK.search(page.read_text(encoding="utf-8"))]
# A part of pyconv or a package that code names, and what must be installed for it.
NEEDED = {"mlxtend": "mlxtend", "plotting": "matplotlib", "matplotlib": "matplotlib", "onnx": "onnx", ".save(": "h5py"}
NEEDED |= {"image_dataset(": "PIL", "_img(": "PIL", "threadpoolctl": "threadpoolctl"}
# pyconv._core is compiled; its contract is the stub.
MODULES = sorted(
    module.name for module in pkgutil.walk_packages(pyconv.__path__, "pyconv.") if module.name != "pyconv._core"
)


def skip_without_what_is_needed(code: str) -> None:
    for word, package in NEEDED.items():
        if word in code:
            pytest.importorskip(package)


@pytest.mark.parametrize("page", PAGES_WITH_CODE, ids=lambda page: page.stem)
def test_a_pages_code_runs_and_prints_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The blocks follow one another as in a session; what they write goes to a temporary folder."""
    text = page.read_text(encoding="utf-8")
    code = "".join(block[1] for block in pictures.BLOCK.finditer(text))
    skip_without_what_is_needed(code)
    monkeypatch.chdir(tmp_path)
    checker = doctest.OutputChecker()
    for shown, printed in pictures.run(page):
        assert checker.check_output(shown, printed, doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS), printed
    drawn = {path.name for path in tmp_path.glob("*.png")}
    for name in pictures.SHOWN.findall(text):
        assert (page.parent / "pictures" / name).exists()
        assert not drawn or name in drawn, f"no code of the page draws {name}"


def test_most_pages_show_code() -> None:
    assert {"README", "index", "tutorial", "training", "keras", "onnx", "convolution"} <= {
        page.stem for page in PAGES_WITH_CODE
    }


def test_the_reference_has_every_public_name() -> None:
    """Layers are listed by family, so one can be missed; most modules are shown whole, with what they export."""
    pages = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs/api").rglob("*.md"))
    listed = set(re.findall(r"^::: pyconv\.([\w.]+)", pages, re.MULTILINE))
    layers = {name for name in pyconv.layers.__all__ if getattr(pyconv.layers, name).__name__ == name}
    assert {name.removeprefix("layers.") for name in listed if name.startswith("layers.")} == layers
    modules = [importlib.import_module(f"pyconv.{name}") for name in listed if f"pyconv.{name}" in MODULES]
    shown = {name.rsplit(".", maxsplit=1)[-1] for name in listed} | {name for m in modules for name in m.__all__}
    # What these hold is shown by other names, or is of no use by itself.
    assert set(pyconv.__all__) - shown <= {"__version__", "gradient", "layers", "models"}


@pytest.mark.parametrize("name", ["pyconv", *MODULES])
def test_docstrings_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    skip_without_what_is_needed("".join(_examples(module)))
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
