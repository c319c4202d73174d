"""A training that is saved and goes on: in pyconv bit for bit, and from pyconv to Keras and back."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv

h5py: Any = pytest.importorskip("h5py")

IMAGE = (6, 6, 2)
OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("Adam", {"amsgrad": True}),
    ("RMSprop", {"centered": True, "momentum": 0.5}),
    ("AdamW", {"use_ema": True, "clipnorm": 0.5}),
]
each = pytest.mark.parametrize(("name", "arguments"), OPTIMIZERS, ids=[name for name, _ in OPTIMIZERS])


def trained(library: Any, name: str, arguments: dict[str, Any]) -> Any:
    library.utils.set_random_seed(3)
    layers = library.layers
    model = library.Sequential(
        [
            library.Input(IMAGE),
            layers.Conv2D(3, 3, activation="tanh"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    optimizer = getattr(library.optimizers, name)(0.01, **arguments)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    go_on(model)
    return model


def go_on(model: Any) -> None:
    generator = np.random.default_rng(4)
    for _ in range(2):
        model.train_on_batch(generator.standard_normal((4, *IMAGE)).astype(np.float32), generator.integers(0, 3, 4))


def require_same(left: Any, right: Any, tolerance: float) -> None:
    for one, other in zip(left.get_weights(), right.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@each
@pytest.mark.parametrize("form", ["model.keras", "model.h5"])
def test_it_goes_on_bit_for_bit(name: str, arguments: dict[str, Any], form: str, tmp_path: Path) -> None:
    model = trained(pyconv, name, arguments)
    model.save(tmp_path / form)
    again = pyconv.load_model(tmp_path / form)
    go_on(model)
    go_on(again)
    require_same(again, model, 0)


@each
def test_between_the_libraries(name: str, arguments: dict[str, Any], keras: ModuleType, tmp_path: Path) -> None:
    """Two steps after the two before: 1e-5, as far as float32 gradients of such a network agree."""
    for here, there in ((pyconv, keras), (keras, pyconv)):
        model = trained(here, name, arguments)
        model.save(tmp_path / "model.keras")
        other = (there.models if there is keras else there).load_model(tmp_path / "model.keras")
        assert int(np.asarray(other.optimizer.iterations)) == 2
        go_on(model)
        go_on(other)
        require_same(other, model, 1e-5)


def test_weights_alone_have_the_optimizers_state(tmp_path: Path) -> None:
    model = trained(pyconv, "Adam", {})
    model.save_weights(tmp_path / "model.weights.h5")
    again = trained(pyconv, "Adam", {})
    again.load_weights(tmp_path / "model.weights.h5")
    go_on(model)
    go_on(again)
    require_same(again, model, 0)


def test_without_the_optimizer(tmp_path: Path) -> None:
    model = trained(pyconv, "Adam", {})
    for form in ("model.keras", "model.h5"):
        model.save(tmp_path / form, include_optimizer=False)
        again = pyconv.load_model(tmp_path / form)
        assert again.optimizer is None
        require_same(again, model, 0)
        assert pyconv.load_model(tmp_path / form, compile=False).optimizer is None


@pytest.mark.parametrize(
    ("training", "words"),
    [
        ('{"loss": "no_such_loss", "optimizer_config": {"class_name": "SGD", "config": {"lr": 0.5}}}', "no_such_loss"),
        ('{"loss": "mse", "optimizer_config": {"class_name": "system", "config": {}}}', "not compiled.*system"),
        ('{"loss": "mse"}', "not compiled"),
        ("[", "not compiled"),
        ('{"loss": "mse", "optimizer_config": {"class_name": "Adam", "config": {"lr": 0.5}}}', "starts anew"),
    ],
)
def test_what_cannot_be_used_is_warned_of(training: str, words: str, tmp_path: Path) -> None:
    model = trained(pyconv, "SGD", {})
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        file.attrs["training_config"] = training
    with pytest.warns(UserWarning, match=words):
        again = pyconv.load_model(tmp_path / "model.h5")
    require_same(again, model, 0)
    if words == "starts anew":
        assert again.optimizer is not None
        assert again.optimizer.learning_rate == 0.5  # Keras 2's name for it
