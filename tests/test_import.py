"""What `import pyconv` loads: little beside NumPy's. benchmarks/import_time.py says how long that takes."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pyconv
from pyconv import layers

HEAVY = ["numpy.random", "matplotlib", "tqdm", "platform", "dataclasses", "torch", "keras", "onnx", "subprocess"]
# Newer NumPys load inspect themselves.
SETUP = "import inspect, sys, numpy; before = set(sys.modules)"
LOADED = f"{SETUP}; import pyconv; print(*sorted(set(sys.modules) - before))"


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_module_waits_until_it_is_needed(name: str, loaded: set[str]) -> None:
    assert name not in loaded


def test_layers_wait_until_they_are_asked_for(loaded: set[str]) -> None:
    """There are about a hundred, at half a millisecond each."""
    assert {name for name in loaded if name.startswith("pyconv.layers.")} <= {
        f"pyconv.layers.{name}" for name in ("calling", "input_layer", "inputs", "layer", "settings")
    }


@pytest.mark.parametrize("name", ["callbacks", "losses", "metrics", "models", "optimizers", "plotting", "utils"])
def test_models_and_what_trains_them_wait(name: str, loaded: set[str]) -> None:
    assert not any(each.startswith(f"pyconv.{name}") for each in loaded)
    assert name in dir(pyconv)


def test_every_public_name_leads_somewhere() -> None:
    for name in pyconv.__all__:
        assert getattr(pyconv, name) is getattr(pyconv, name)
    assert set(pyconv.__all__) <= set(dir(pyconv))
    with pytest.raises(AttributeError, match="Modell"):
        pyconv.Modell  # noqa: B018


def test_every_name_of_a_layer_leads_to_it() -> None:
    assert set(dir(layers)) == set(layers.__all__)
    for name in layers.__all__:
        assert callable(getattr(layers, name))
    with pytest.raises(AttributeError, match="Conv4D"):
        layers.Conv4D  # noqa: B018


def test_it_loads_little_besides_itself(loaded: set[str]) -> None:
    """Each module is some 0.3 ms; NumPy has loaded most of what pyconv needs already."""
    others = {name for name in loaded if not name.startswith(("pyconv", "numpy"))}
    assert len(others) <= 12, others
