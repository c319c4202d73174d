"""Metrics: values against Keras', state over batches, and what "accuracy" means."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from arrays import Array
from pyconv import metrics
from pyconv.utils import to_categorical

GENERATOR = np.random.default_rng(6)
SCORES = GENERATOR.random((20, 4)).astype(np.float32)
CLASSES = GENERATOR.integers(0, 4, 20)
CASES: dict[str, tuple[Array, Array]] = {
    "BinaryAccuracy": ((SCORES[:, :1] > 0.6).astype(np.float32), SCORES[:, :1]),
    "CategoricalAccuracy": (to_categorical(CLASSES, 4), SCORES),
    "SparseCategoricalAccuracy": (CLASSES, SCORES),
    "MeanSquaredError": (SCORES[::-1], SCORES),
}


@pytest.mark.parametrize("name", CASES)
def test_values_over_uneven_batches_are_kerass(name: str, keras: ModuleType) -> None:
    """Keras adds up in float32."""
    y_true, y_pred = CASES[name]
    ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
    for batch in (slice(0, 13), slice(13, 20)):
        ours.update_state(y_true[batch], y_pred[batch])
        theirs.update_state(np.ascontiguousarray(y_true[batch]), y_pred[batch])
        assert ours.result() == pytest.approx(float(theirs.result()), rel=1e-6)
    assert ours.name == theirs.name
    assert 0 < ours.result() < 1
    ours.reset_state()
    assert ours.result() == 0


@pytest.mark.parametrize(
    ("y_true", "y_pred", "right"),
    [
        ([1, 0, 1], [[0.9], [0.2], [0.3]], 2 / 3),
        ([[1], [0], [1]], [[0.9], [0.2], [0.3]], 2 / 3),
        ([1, 0], [[0.1, 0.9], [0.2, 0.8]], 0.5),
        ([[1], [0]], [[0.1, 0.9], [0.2, 0.8]], 0.5),
        ([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]], 0.5),
    ],
)
@pytest.mark.parametrize("name", ["accuracy", "acc"])
def test_accuracy_fits_the_shapes(name: str, y_true: Any, y_pred: Any, right: float) -> None:
    metric = metrics.get(name)
    assert metric(y_true, y_pred) == pytest.approx(right)
    assert metric.name == name


def test_sample_weights() -> None:
    metric = metrics.SparseCategoricalAccuracy()
    metric.update_state([0, 1], [[0.9, 0.1], [0.9, 0.1]], sample_weight=[3, 1])
    assert metric.result() == 0.75


def test_get() -> None:
    metric = metrics.BinaryAccuracy(threshold=0.1)
    assert metrics.get(metric) is metric
    assert metrics.get("mse").name == "mse"
    with pytest.raises(ValueError, match="acuracy"):
        metrics.get("acuracy")
    with pytest.raises(TypeError, match="3"):
        metrics.get(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "y_true", "y_pred"),
    [
        ("CategoricalAccuracy", [[0, 1]], [[0.1, 0.2, 0.7]]),
        ("SparseCategoricalAccuracy", [1, 2], [[0.1, 0.9]]),
        ("BinaryAccuracy", [1, 0, 1], [[1.0, 0.0]]),
    ],
)
def test_shapes_that_do_not_fit(name: str, y_true: Any, y_pred: Any) -> None:
    with pytest.raises(ValueError, match=r"accuracy: .*y_true.*y_pred"):
        getattr(metrics, name)().update_state(y_true, y_pred)


def test_weights_of_labels_and_with_an_axis_more() -> None:
    """A label of weight 2 counts as twice the same sample."""
    true, pred = np.array([[0, 1], [1, 0], [1, 1]]), np.array([[0.2, 0.4], [0.9, 0.6], [0.3, 0.7]])
    weighted = metrics.AUC(num_thresholds=20, label_weights=[1, 2])
    twice = metrics.AUC(num_thresholds=20)
    assert weighted(true, pred) == pytest.approx(twice(true[:, [0, 1, 1]], pred[:, [0, 1, 1]]))
    assert len(weighted.thresholds) == 20
    mean = metrics.MeanSquaredError()
    assert mean([[1.0], [2.0]], [[1.0], [4.0]], sample_weight=[[3.0], [1.0]]) == 1.0
    assert repr(mean) == "<MeanSquaredError name=mean_squared_error>"


def test_a_metric_of_ones_own_must_say_what_it_does() -> None:
    for call in ("update_state", "result"):
        with pytest.raises(NotImplementedError, match=f"Metric: .*{call}"):
            getattr(metrics.Metric(), call)()
