"""pyconv's settings as users reach them, and what `import pyconv` costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import pyconv


def test_threads(threads: int) -> None:
    assert pyconv.get_num_threads() == threads


def test_isas(isa: str) -> None:
    assert pyconv.get_isa() == isa
    assert isa in pyconv.available_isas()
    assert pyconv.show_config(mode="dicts")["isa"] == isa


def test_show_config(capsys: pytest.CaptureFixture[str]) -> None:
    config = pyconv.show_config(mode="dicts")
    assert config["version"] == pyconv.__version__
    assert capsys.readouterr().out == ""
    pyconv.show_config()
    printed = capsys.readouterr().out
    for key in config:
        assert key in printed
    assert pyconv.__version__ in printed


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: pyconv.set_num_threads(0), ValueError, "set_num_threads: count.*0"),
        (lambda: pyconv.set_num_threads(-2), ValueError, "set_num_threads: count.*-2"),
        (lambda: pyconv.set_num_threads(2.0), TypeError, "set_num_threads: count.*2.0"),
        (lambda: pyconv.set_num_threads(True), TypeError, "set_num_threads: count.*True"),
        (lambda: pyconv.set_num_threads(10**12), ValueError, "set_num_threads: count.*1000000000000"),
        (lambda: pyconv.set_isa("x86_64_v9"), ValueError, "set_isa: name.*x86_64_v9"),
        (lambda: pyconv.show_config("yaml"), ValueError, "show_config: mode.*yaml"),
        (lambda: pyconv.config.set_image_data_format("NHWC"), ValueError, "set_image_data_format: .*NHWC"),
        (lambda: pyconv.config.set_floatx("float16"), ValueError, "set_floatx: .*float16"),
        (lambda: pyconv.config.set_epsilon(0), ValueError, "set_epsilon: value.*0"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_floatx_is_the_dtype_of_new_layers() -> None:
    pyconv.config.set_floatx("float64")
    try:
        layer = pyconv.layers.Dense(2)
    finally:
        pyconv.config.set_floatx("float32")
    assert layer([[1.0]]).dtype == "float64"


def test_the_import_brings_no_plotting_and_no_framework() -> None:
    code = "import sys, pyconv; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(done.stdout.split())
    assert loaded.isdisjoint({"matplotlib", "tqdm", "torch", "keras", "tensorflow", "onnx", "scipy", "pandas"})


def test_the_public_names_exist_and_keras_users_find_them() -> None:
    for name in pyconv.__all__:
        assert hasattr(pyconv, name)
    for module in (pyconv.activations, pyconv.initializers, pyconv.layers, pyconv.losses, pyconv.metrics, pyconv.ops):
        for name in module.__all__:
            assert hasattr(module, name)
