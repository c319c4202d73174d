"""fit, evaluate and predict beside Keras': the same weights after the same steps, the same logs, the same calls."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array

GENERATOR = np.random.default_rng(12)
X = GENERATOR.random((30, 8, 8, 2), np.float32)
Y = GENERATOR.integers(0, 3, 30)
TARGETS = GENERATOR.random((30, 2)).astype(np.float32)
WEIGHTS = GENERATOR.random(30).astype(np.float32)


def one_output(library: Any) -> Any:
    layers = library.layers
    x = library.Input((8, 8, 2))
    y = layers.Conv2D(4, 3, activation="relu")(x)
    y = layers.MaxPooling2D()(layers.BatchNormalization()(y))
    return library.Model(x, layers.Dense(3, activation="softmax")(layers.Flatten()(y)))


def two_outputs(library: Any, kind: str = "list") -> Any:
    layers = library.layers
    x = library.Input((8, 8, 2))
    y = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(x))
    classes = layers.Dense(3, activation="softmax", name="classes")(y)
    values = layers.Dense(2, name="values")(y)
    return library.Model(x, [classes, values] if kind == "list" else {"what": classes, "amount": values})


def dataset(library: Any, weighted: bool) -> Any:
    class Batches(library.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return 4

        def __getitem__(self, index: int) -> Any:
            part = slice(8 * index, 8 * index + 8)
            return (X[part], Y[part], WEIGHTS[part]) if weighted else (X[part], Y[part])

    return Batches()


def forever() -> Iterator[Any]:
    while True:
        for start in range(0, 24, 8):
            yield X[start : start + 8], Y[start : start + 8]


# What is compiled, the data by library, further arguments of fit.
CASES: dict[str, tuple[dict[str, Any], Any, dict[str, Any]]] = {
    "plain": ({}, lambda library: (X, Y), {"epochs": 2, "validation_split": 0.3}),
    "class_weight": (
        {"weighted_metrics": ["accuracy"]},
        lambda library: (X, Y),
        {"class_weight": {0: 2.0, 2: 0.25}, "validation_split": 0.2},
    ),
    "sample_weight": (
        {"weighted_metrics": ["accuracy"]},
        lambda library: (X, Y),
        {"sample_weight": WEIGHTS, "validation_data": (X[:9], Y[:9], WEIGHTS[:9]), "validation_batch_size": 4},
    ),
    "one-hot class_weight": (
        {"loss": "categorical_crossentropy"},
        lambda library: (X, np.eye(3, dtype=np.float32)[Y]),
        {"class_weight": {0: 2.0}},
    ),
    "steps": (
        {},
        lambda library: (X, Y),
        {"steps_per_epoch": 2, "epochs": 4, "validation_data": (X, Y), "validation_steps": 2, "validation_freq": 2},
    ),
    "initial_epoch": (
        {},
        lambda library: (X, Y),
        {"epochs": 5, "initial_epoch": 3, "validation_data": (X[:9], Y[:9]), "validation_freq": [5]},
    ),
    "dataset": (
        {},
        lambda library: (dataset(library, weighted=True),),
        {"epochs": 2, "validation_data": lambda library: dataset(library, weighted=False)},
    ),
    "dataset, class_weight": ({}, lambda library: (dataset(library, weighted=False),), {"class_weight": {1: 3.0}}),
    "generator": ({}, lambda library: (forever(),), {"epochs": 2, "steps_per_epoch": 4}),
}


@functools.cache
def start(make: Any, *arguments: Any) -> list[Array]:
    generator = np.random.default_rng(3)
    weights = make(pyconv, *arguments).get_weights()
    return [generator.normal(0, 0.2, w.shape).astype(w.dtype) if w.ndim > 1 else w for w in weights]


def run(library: Any, model: Any, compiled: dict[str, Any], data: Any, arguments: dict[str, Any]) -> tuple[Any, Any]:
    """The histories of a fit, and what evaluate reports afterwards."""
    model.compile(library.optimizers.SGD(0.1, momentum=0.9), **compiled)
    arguments = {key: value(library) if callable(value) else value for key, value in arguments.items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*shuffle=True.*")
        history = model.fit(*data(library), **{"batch_size": 8, "shuffle": False, "verbose": 0, **arguments})
    return history, model


@pytest.mark.parametrize("case", CASES)
def test_fit_is_kerass(case: str, keras: ModuleType) -> None:
    """float32 beside float32 over four to eight steps of a small network."""
    compiled, data, arguments = CASES[case]
    compiled = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **compiled}
    if "generator" in case or "dataset" in case:
        arguments = {**arguments, "batch_size": None}
    found = []
    for library in (pyconv, keras):
        model = one_output(library)
        model.set_weights(start(one_output))
        found.append(run(library, model, compiled, data, arguments))
    (ours, our_model), (theirs, their_model) = found
    compare_histories(ours, theirs)
    compare_weights(our_model, their_model)
    before = start(one_output)
    assert max(np.abs(a - b).max() for a, b in zip(our_model.get_weights(), before, strict=True)) > 1e-2
    labels = data(pyconv)[1] if len(data(pyconv)) > 1 else Y
    compare_reports(*(model.evaluate(X, labels, verbose=0, return_dict=True) for _, model in found))


TWO: dict[str, tuple[str, dict[str, Any], Any, Any]] = {
    "lists": (
        "list",
        {"loss": ["sparse_categorical_crossentropy", "mse"], "metrics": [["accuracy"], ["mse"]]},
        [Y, TARGETS],
        WEIGHTS,
    ),
    "dictionaries": (
        "list",
        {
            "loss": {"classes": "sparse_categorical_crossentropy", "values": "mse"},
            "loss_weights": {"classes": 0.5, "values": 2.0},
            "metrics": {"values": ["mse"]},
            "weighted_metrics": {"classes": ["accuracy"], "values": ["mse"]},
        },
        {"classes": Y, "values": TARGETS},
        None,
    ),
    "outputs by name": (
        "dict",
        {
            "loss": {"what": "sparse_categorical_crossentropy", "amount": "mse"},
            "loss_weights": {"what": 0.5, "amount": 2.0},
            "metrics": {"what": ["accuracy"]},
        },
        {"what": Y, "amount": TARGETS},
        {"what": WEIGHTS, "amount": WEIGHTS[::-1].copy()},
    ),
    "one loss for both": (
        "list",
        {"loss": "mse", "metrics": [None, ["mse"]]},
        [np.eye(3, dtype="f")[Y], TARGETS],
        None,
    ),
}


@pytest.mark.parametrize("case", TWO)
def test_two_outputs_are_kerass(case: str, keras: ModuleType) -> None:
    kind, compiled, labels, weights = TWO[case]
    found = []
    for library in (pyconv, keras):
        model = two_outputs(library, kind)
        model.set_weights(start(two_outputs, kind))
        found.append(run(library, model, compiled, lambda library: (X, labels), {"sample_weight": weights}))
    (ours, our_model), (theirs, their_model) = found
    compare_histories(ours, theirs)
    compare_weights(our_model, their_model)
    reports = [
        model.evaluate(X, labels, sample_weight=weights, verbose=0, return_dict=True)
        for model in (our_model, their_model)
    ]
    compare_reports(*reports)
    listed = our_model.evaluate(X, labels, sample_weight=weights, verbose=0)
    assert dict(zip(our_model.metrics_names, listed, strict=True)) == reports[0]


def compare_histories(ours: Any, theirs: Any) -> None:
    assert sorted(ours.history) == sorted(theirs.history)
    assert ours.epoch == theirs.epoch
    for name, values in ours.history.items():
        assert values == pytest.approx(theirs.history[name], rel=1e-4), name


def compare_reports(ours: dict[str, float], theirs: dict[str, float]) -> None:
    """By name: Keras' lists have a metric twice that is weighted and not."""
    assert ours == {name: pytest.approx(float(value), rel=1e-4) for name, value in theirs.items()}


def compare_weights(ours: Any, theirs: Any) -> None:
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)


def test_callbacks_are_called_in_kerass_order(keras: ModuleType) -> None:
    calls: dict[str, list[Any]] = {}
    for library in (pyconv, keras):
        seen: list[Any] = []
        hooks = [name for name in dir(library.callbacks.Callback) if name.startswith("on_")]

        def recorder(name: str, seen: list[Any] = seen) -> Any:
            def hook(self: Any, *args: Any, **kwargs: Any) -> None:
                logs = args[-1] if args and not isinstance(args[-1], int) else kwargs.get("logs")
                seen.append((name, *[a for a in args if isinstance(a, int)], sorted(logs or {})))

            return hook

        listener = type("Recorder", (library.callbacks.Callback,), {name: recorder(name) for name in hooks})()
        model = one_output(library)
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        with_data = {"validation_split": 0.5, "epochs": 2, "batch_size": 8, "verbose": 0, "callbacks": [listener]}
        model.fit(X, Y, **with_data)
        model.evaluate(X[:4], Y[:4], verbose=0, callbacks=[listener])
        model.predict(X[:4], verbose=0, callbacks=[listener])
        calls[library.__name__] = seen
    assert calls["pyconv"] == calls["keras"]


def test_a_train_step_of_ones_own_is_kerass(keras: ModuleType) -> None:
    """What Keras' guide to custom steps overrides: compute_loss, compute_metrics, metrics of one's own."""
    found = []
    for library in (pyconv, keras):

        class Own(library.Model):  # type: ignore[misc, name-defined]
            def __init__(self, library: Any = library) -> None:
                super().__init__()
                self.dense = library.layers.Dense(2)
                self.gap = library.metrics.Mean(name="gap")
                self.ops = library.ops

            def call(self, x: Any) -> Any:
                return self.dense(x)

            def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, w: Any = None) -> Any:
                gap = y_pred - y
                loss = self.ops.mean(gap * gap)
                self.gap.update_state(loss)
                return loss

            def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
                return {**super().compute_metrics(x, y, y_pred, sample_weight), "count": 3.0}

        model = Own()
        model(TARGETS)
        model.set_weights([np.array([[1.0, 2.0], [0.5, -1.0]], np.float32), np.zeros(2, np.float32)])
        model.compile(library.optimizers.SGD(0.1))
        history = model.fit(TARGETS, TARGETS[:, ::-1].copy(), batch_size=8, epochs=2, shuffle=False, verbose=0)
        found.append((history, model))
    (ours, our_model), (theirs, their_model) = found
    assert list(ours.history) == ["loss", "gap", "count"]
    compare_histories(ours, theirs)
    compare_weights(our_model, their_model)
