"""Every metric beside Keras': values over uneven batches, weights, arguments, configurations, signatures."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from arrays import Array
from pyconv import metrics

GENERATOR = np.random.default_rng(6)
SCORES = GENERATOR.random((20, 6)).astype(np.float32)
SCORES[3] = SCORES[3, ::-1].round(1)  # equal ones
SHARES = SCORES / SCORES.sum(axis=1, keepdims=True)
CLASSES = GENERATOR.integers(0, 6, 20)
ONE_HOT = np.eye(6, dtype=np.float32)[CLASSES]
YES = (GENERATOR.random((20, 6)) > 0.6).astype(np.float32)
NUMBERS = GENERATOR.normal(size=(20, 6)).astype(np.float32)
LABELS, FOUND = GENERATOR.integers(0, 3, (20, 5)), GENERATOR.integers(0, 3, (20, 5))

CASES: list[tuple[str, dict[str, Any], Array, Array]] = [
    ("Accuracy", {}, LABELS.astype(np.float32), FOUND.astype(np.float32)),
    ("BinaryAccuracy", {"threshold": 0.3}, YES, SCORES),
    ("CategoricalAccuracy", {}, ONE_HOT, SCORES),
    ("SparseCategoricalAccuracy", {}, CLASSES, SCORES),
    ("TopKCategoricalAccuracy", {"k": 2}, ONE_HOT, SCORES),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, CLASSES, SCORES),
    ("MeanSquaredError", {}, NUMBERS, SCORES),
    ("RootMeanSquaredError", {}, NUMBERS, SCORES),
    ("MeanAbsoluteError", {}, NUMBERS, SCORES),
    ("MeanAbsolutePercentageError", {}, SCORES + 1, NUMBERS),
    ("MeanSquaredLogarithmicError", {}, SCORES, SHARES),
    ("CosineSimilarity", {}, NUMBERS, SCORES),
    ("LogCoshError", {}, NUMBERS, SCORES),
    ("KLDivergence", {}, SHARES[::-1].copy(), SHARES),
    ("Poisson", {}, SCORES, SHARES),
    ("Hinge", {}, YES, NUMBERS),
    ("SquaredHinge", {}, YES, NUMBERS),
    ("CategoricalHinge", {}, ONE_HOT, NUMBERS),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, YES, NUMBERS),
    ("CategoricalCrossentropy", {}, ONE_HOT, SHARES),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, CLASSES, NUMBERS),
    ("TruePositives", {}, YES, SCORES),
    ("TrueNegatives", {"thresholds": 0.3}, YES, SCORES),
    ("FalsePositives", {"thresholds": [0.8, 0.2]}, YES, SCORES),
    ("FalseNegatives", {"thresholds": [0.25, 0.75]}, YES, SCORES),
    ("Precision", {}, YES, SCORES),
    ("Precision", {"thresholds": [0.9, 0.5]}, YES, SCORES),
    ("Precision", {"top_k": 2}, YES, SHARES),
    ("Precision", {"class_id": 1, "thresholds": 0.4}, YES, SCORES),
    ("Recall", {"top_k": 3, "class_id": 2}, YES, SHARES),
    ("Recall", {}, YES, SCORES),
    ("AUC", {}, YES, SCORES),
    ("AUC", {"curve": "PR"}, YES, SCORES),
    ("AUC", {"curve": "PR", "summation_method": "minoring", "num_thresholds": 20}, YES, SCORES),
    ("AUC", {"summation_method": "majoring", "thresholds": [0.2, 0.5, 0.7]}, YES, SCORES),
    ("AUC", {"multi_label": True}, YES, SCORES),
    ("AUC", {"multi_label": True, "label_weights": [1.0, 2.0, 0.5, 1.0, 0.0, 3.0]}, YES, SCORES),
    ("AUC", {"from_logits": True}, YES, NUMBERS),
    ("F1Score", {}, ONE_HOT, SCORES),
    ("F1Score", {"average": "macro", "threshold": 0.5}, YES, SCORES),
    ("F1Score", {"average": "weighted"}, ONE_HOT, SCORES),
    ("FBetaScore", {"average": "micro", "beta": 2.0, "threshold": 0.4}, YES, SCORES),
    ("MeanIoU", {"num_classes": 3}, LABELS, FOUND),
    ("MeanIoU", {"num_classes": 3, "ignore_class": 1}, LABELS, FOUND),
    ("IoU", {"num_classes": 6, "target_class_ids": [0, 3], "sparse_y_pred": False}, CLASSES, SCORES),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.4}, YES, SCORES),
]
by_case = pytest.mark.parametrize(
    ("name", "arguments", "y_true", "y_pred"), CASES, ids=[f"{name} {arguments}" for name, arguments, *_ in CASES]
)


@by_case
@pytest.mark.parametrize("weighted", [False, True])
def test_values_over_uneven_batches_are_kerass(
    name: str, arguments: dict[str, Any], y_true: Array, y_pred: Array, weighted: bool, keras: ModuleType
) -> None:
    """Keras adds up in float32; thresholds of an AUC between two equal scores are its own."""
    ours, theirs = getattr(metrics, name)(**arguments), getattr(keras.metrics, name)(**arguments)
    # Keras keeps counts of IoU in integers, weights too.
    weights = (GENERATOR.integers(1, 4, 20) if "IoU" in name else GENERATOR.random(20)).astype(np.float32)
    if "IoU" in name:
        weights = weights.astype(np.int64)
    if "IoU" in name and y_true.ndim > 1:
        weights = np.repeat(weights[:, np.newaxis], y_true.shape[1], axis=1)
    for _ in range(2):
        for batch in (slice(0, 13), slice(13, 20)):
            given = (weights[batch],) if weighted else ()
            ours.update_state(y_true[batch], y_pred[batch], *given)
            theirs.update_state(np.ascontiguousarray(y_true[batch]), np.ascontiguousarray(y_pred[batch]), *given)
            right = np.asarray(keras.ops.convert_to_numpy(theirs.result()))
            np.testing.assert_allclose(ours.result(), right, rtol=2e-5, atol=1e-6)
        assert np.any(np.asarray(ours.result()) != 0)
        ours.reset_state()
        theirs.reset_state()
    assert not np.any(ours.result())


@by_case
def test_configurations(name: str, arguments: dict[str, Any], y_true: Array, y_pred: Array, keras: ModuleType) -> None:
    ours, theirs = getattr(metrics, name)(**arguments), getattr(keras.metrics, name)(**arguments)
    described = metrics.serialize(ours)
    again = metrics.get(described)
    assert again.get_config() == ours.get_config()
    assert again(y_true, y_pred) == pytest.approx(ours(y_true, y_pred))
    config = keras.metrics.serialize(theirs)
    assert {**described, "config": None} == {**config, "config": None}
    assert metrics.get(config)(y_true, y_pred) == pytest.approx(ours.result())
    mine = {key: value for key, value in ours.get_config().items() if key not in ("name", "dtype")}
    assert getattr(keras.metrics, name).from_config({**theirs.get_config(), **mine}).name == theirs.name
    # Names that are made count up in either library.
    assert ours.name.rstrip("_0123456789") == theirs.name.rstrip("_0123456789")
    assert ours._direction == getattr(theirs, "_direction", ours._direction)


@pytest.mark.parametrize("name", ["AUC", "precision", "mae", "RMSE", "f1_score", "top_k_categorical_accuracy", "acc"])
def test_names_in_compile(name: str) -> None:
    assert metrics.get(name).name == name


def test_mean_and_sum(keras: ModuleType) -> None:
    for name in ("Mean", "Sum"):
        ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
        for values, weights in ((NUMBERS, None), (NUMBERS[0], SCORES[0]), (3.0, 2.0), (NUMBERS[:, 0], SCORES[:, 0])):
            ours.update_state(values, weights)
            theirs.update_state(values, weights)
        assert ours.name == theirs.name
        if name == "Sum":
            assert ours.result() == pytest.approx(float(theirs.result()), rel=1e-5)


def test_state_of_ones_own() -> None:
    class Count(metrics.Metric):
        def __init__(self, name: str = "count") -> None:
            super().__init__(name=name)
            self.seen = self.add_variable((), "zeros", name="seen")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.seen.assign_add(len(y_true))

        def result(self) -> Any:
            return {"count": float(self.seen.value), "half": float(self.seen.value) / 2}

    count = Count()
    count.update_state(CLASSES, SCORES)
    count.update_state(CLASSES, SCORES)
    assert count.result() == {"count": 40.0, "half": 20.0}
    count.reset_state()
    assert count.result()["count"] == 0.0
    assert len(count.variables) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.Precision(thresholds=1.5), "thresholds.*1.5"),
        (lambda: metrics.AUC(curve="ROCK"), "AUC: curve.*ROCK"),
        (lambda: metrics.AUC(multi_label=True)(YES[:, 0], SCORES[:, 0]), "AUC: y_pred must be .N, L."),
        (lambda: metrics.F1Score(average="mean"), "F1Score: average.*mean"),
        (lambda: metrics.F1Score()(YES[:, 0], SCORES[:, 0]), "F1Score: .*N, K"),
        (lambda: metrics.IoU(2, [2]), "target_class_ids.*2"),
        (lambda: metrics.MeanIoU(3)(LABELS, FOUND[:3]), "MeanIoU: y_true and y_pred"),
        (lambda: metrics.BinaryAccuracy()(YES, SCORES, np.ones(3)), "sample_weight"),
        (lambda: metrics.TopKCategoricalAccuracy(k=0), "k.*0"),
    ],
)
def test_bad_arguments(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
