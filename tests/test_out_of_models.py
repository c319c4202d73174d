"""out= of models: results in the caller's arrays, by programs and layer by layer, and nothing allocated for them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array
from pyconv import Input, Model, _core, config, layers, ops
from pyconv.gradient import Tape


@pytest.fixture(params=[True, False], ids=["program", "layers"])
def programs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setitem(config._defaults, "programs", request.param)
    return bool(request.param)


def small() -> Model:
    x = Input((8, 8, 3))
    return Model(x, layers.Conv2D(4, 3, activation="relu")(x))


def double() -> Model:
    x = Input((8, 8, 3))
    y = layers.Conv2D(4, 3)(x)
    return Model(x, {"image": y, "mean": layers.GlobalAveragePooling2D()(y)})


def images(count: int) -> Array:
    return np.random.default_rng(count).standard_normal((count, 8, 8, 3)).astype(np.float32)


@pytest.mark.usefixtures("programs")
def test_a_call_writes_there() -> None:
    model, x = small(), images(5)
    right = model(x)
    for _ in range(2):
        out = np.full_like(right, np.nan)
        assert model(x, out=out) is out
        np.testing.assert_array_equal(out, right)


@pytest.mark.usefixtures("programs")
def test_outputs_in_their_structure() -> None:
    model, x = double(), images(3)
    right = model(x)
    out = {name: np.full_like(y, np.nan) for name, y in right.items()}
    assert model(x, out=out) is out
    predicted = {name: np.full_like(y, np.nan) for name, y in right.items()}
    assert model.predict(x, batch_size=2, verbose=0, out=predicted) is predicted
    for name, y in right.items():
        np.testing.assert_array_equal(out[name], y)
        np.testing.assert_allclose(predicted[name], y, rtol=0, atol=1e-6)  # batches of other sizes


def test_predict_writes_to_a_file(tmp_path: Path) -> None:
    model, x = small(), images(7)
    out = np.memmap(tmp_path / "y.bin", np.float32, "w+", shape=(7, 6, 6, 4))
    assert model.predict(x, batch_size=3, verbose=0, out=out) is out
    np.testing.assert_array_equal(out, model.predict(x, batch_size=3, verbose=0))


def test_calls_allocate_nothing_but_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = small(), images(64)
    model(x)
    out = model(x)  # which the next is bound by

    def refuse(*_: Any) -> Any:
        raise AssertionError("an array was allocated")

    monkeypatch.setattr(_core, "empty", refuse)
    few = 4096  # objects of Python while a call runs
    assert few < out.nbytes
    pyconv.release_workspaces()
    model(x, out=out)
    # What another thread works in is made when it first comes in time.
    workspaces = _core.kept_workspace_bytes() * pyconv.get_num_threads()
    for call, result in ((lambda: model(x, out=out), 0), (lambda: model(x), out.nbytes)):
        call()
        tracemalloc.start()
        for _ in range(20):
            call()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert result <= peak < result + few
        assert _core.kept_workspace_bytes() <= workspaces


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize(
    ("out", "error", "words"),
    [
        (np.zeros((2, 6, 6, 5), np.float32), ValueError, "shape"),
        (np.zeros((2, 6, 6, 4)), ValueError, "dtype"),
        (np.zeros((2, 6, 6, 8), np.float32)[..., ::2], ValueError, "C-contiguous"),
        ("there", TypeError, "must be an array"),
        ([np.zeros((2, 6, 6, 4), np.float32)] * 2, (ValueError, TypeError), "array"),
    ],
)
def test_what_does_not_fit_is_refused(out: Any, error: Any, words: str) -> None:
    model, x = small(), images(2)
    for _ in range(2):
        with pytest.raises(error, match=words):
            model(x, out=out)
        model(x)
    with pytest.raises(error, match=words):
        model.predict(x, verbose=0, out=out)


def test_memory_of_the_input_and_tapes_are_refused() -> None:
    x = Input((4,))
    model, samples = Model(x, layers.ReLU()(x)), np.ones((2, 4), np.float32)
    for _ in range(2):
        with pytest.raises(ValueError, match="share memory"):
            model(samples, out=samples)
        model(samples)
    with Tape([samples]), pytest.raises(ValueError, match="Tape"):
        model(samples, out=np.empty_like(samples))
    with pytest.raises(ValueError, match="arrays, and no steps"):
        model.predict(iter([samples]), verbose=0, out=np.empty_like(samples))


def test_a_model_of_ones_own_gets_it() -> None:
    class Own(Model):
        def call(self, inputs: Any, out: Any = None) -> Any:
            return ops.add(inputs, 0.0 if out is None else out)

    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(Own()(x, out=x), 2 * x)
