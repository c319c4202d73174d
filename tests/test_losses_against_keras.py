"""Every loss beside Keras': value and gradient, all its arguments, weights, reductions, configuration and signature."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from arrays import Array, normal
from pyconv import losses, ops
from pyconv.gradient import Tape

GENERATOR = np.random.default_rng(8)
CLASSES = np.array([2, 0, 1, 1, 3])
ONE_HOT = np.eye(4, dtype=np.float32)[CLASSES]
YES = (GENERATOR.random((5, 4)) > 0.5).astype(np.float32)
LOGITS = normal(GENERATOR, (5, 4))
PROBABILITIES = ops.softmax(normal(GENERATOR, (5, 4)))
ANSWERS = GENERATOR.random((5, 4), np.float32)
ANSWERS[0] = [0, 1, 1, 0]  # certain, and in part wrong: clipped
NUMBERS, OTHERS = normal(GENERATOR, (5, 4)) * 2, normal(GENERATOR, (5, 4)) * 2
POSITIVE = GENERATOR.random((5, 4), np.float32) + np.float32(0.1)
IGNORED = np.array([2, -1, 1, -1, 3])

CASES: list[tuple[str, dict[str, Any], Array, Array]] = [
    ("BinaryCrossentropy", {}, YES, ANSWERS),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, YES, LOGITS * 20),
    ("BinaryCrossentropy", {"axis": 0}, YES, ANSWERS),
    ("BinaryFocalCrossentropy", {}, YES, ANSWERS[1:][[0, 1, 2, 3, 0]]),
    (
        "BinaryFocalCrossentropy",
        {"from_logits": True, "apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.1},
        YES,
        LOGITS,
    ),
    ("CategoricalCrossentropy", {}, ONE_HOT, PROBABILITIES * np.float32(1.5)),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, ONE_HOT, LOGITS),
    ("CategoricalFocalCrossentropy", {}, ONE_HOT, PROBABILITIES),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "alpha": 0.5, "gamma": 1.5}, ONE_HOT, LOGITS),
    ("SparseCategoricalCrossentropy", {}, CLASSES, PROBABILITIES),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, CLASSES, LOGITS),
    ("SparseCategoricalCrossentropy", {"ignore_class": -1}, IGNORED, PROBABILITIES),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": -1}, IGNORED, LOGITS),
    ("MeanSquaredError", {}, NUMBERS, OTHERS),
    ("MeanAbsoluteError", {}, NUMBERS, OTHERS),
    ("MeanAbsolutePercentageError", {}, POSITIVE, OTHERS),
    ("MeanSquaredLogarithmicError", {}, POSITIVE, POSITIVE[::-1].copy()),
    ("Huber", {}, NUMBERS, OTHERS),
    ("Huber", {"delta": 2.5}, NUMBERS, OTHERS),
    ("LogCosh", {}, NUMBERS, OTHERS * 30),
    ("KLDivergence", {}, PROBABILITIES[::-1].copy(), PROBABILITIES),
    ("Poisson", {}, POSITIVE, POSITIVE[::-1].copy()),
    ("CosineSimilarity", {}, NUMBERS, OTHERS),
    ("CosineSimilarity", {"axis": 0}, NUMBERS, OTHERS),
    ("Hinge", {}, YES, OTHERS),
    ("SquaredHinge", {}, 2 * YES - 1, OTHERS),
    ("CategoricalHinge", {}, ONE_HOT, OTHERS),
    ("Dice", {}, YES, ANSWERS),
    ("Dice", {"axis": 1}, YES, ANSWERS),
    ("Tversky", {"alpha": 0.3, "beta": 0.8}, YES, ANSWERS),
]
by_case = pytest.mark.parametrize(
    ("name", "arguments", "y_true", "y_pred"), CASES, ids=[f"{name} {arguments}" for name, arguments, *_ in CASES]
)


@by_case
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "none", "mean_with_sample_weight"])
def test_values_and_gradients_are_kerass(
    name: str, arguments: dict[str, Any], y_true: Array, y_pred: Array, reduction: str, keras: ModuleType, torch: Any
) -> None:
    """float32 beside float32; a clipped or tiny probability has a large gradient, so bounds are relative."""
    ours = getattr(losses, name)(**arguments, reduction=reduction)
    theirs = getattr(keras.losses, name)(**arguments, reduction=reduction)
    plain = theirs(torch.from_numpy(y_true), torch.from_numpy(y_pred))
    count = plain.shape[0] if reduction == "none" and plain.ndim else (4 if arguments.get("axis") == 0 else 5)
    weights = None if name in ("Dice", "Tversky") or reduction == "sum_over_batch_size" else GENERATOR.random(count)
    weights = None if weights is None else weights.astype(np.float32)
    with Tape([y_pred]) as tape:
        loss = ours(y_true, y_pred, weights)
    leaf = torch.from_numpy(y_pred.copy()).requires_grad_()
    right = theirs(torch.from_numpy(y_true), leaf, None if weights is None else torch.from_numpy(weights))
    np.testing.assert_allclose(loss, right.detach().numpy(), rtol=2e-5, atol=1e-6)
    assert loss.dtype == np.float32
    right.sum().backward()
    np.testing.assert_allclose(tape.gradient(loss)[0], leaf.grad.numpy(), rtol=2e-5, atol=1e-6)


@by_case
def test_configurations(name: str, arguments: dict[str, Any], y_true: Array, y_pred: Array, keras: ModuleType) -> None:
    loss = getattr(losses, name)(**arguments)
    described = losses.serialize(loss)
    assert losses.get(described).get_config() == loss.get_config()
    assert arguments.items() <= loss.get_config().items()
    assert loss.name == getattr(keras.losses, name)().name
    # Keras leaves some arguments out of its own configurations; it takes ours.
    assert getattr(keras.losses, name).from_config(dict(loss.get_config())).name == loss.name
    theirs = keras.losses.serialize(getattr(keras.losses, name)(**arguments))
    assert {**described, "config": None} == {**theirs, "config": None}
    assert losses.get(theirs).name == loss.name
    np.testing.assert_array_equal(losses.get(described)(y_true, y_pred), loss(y_true, y_pred))


def test_samples_in_every_rank(keras: ModuleType) -> None:
    """Maps of classes, as segmentation has them, and labels without the last axis of predictions (N, 1)."""
    maps, classes = ops.softmax(normal(GENERATOR, (2, 3, 3, 4))), GENERATOR.integers(0, 4, (2, 3, 3))
    for ours, theirs in (
        (losses.sparse_categorical_crossentropy(classes, maps), keras.losses.sparse_categorical_crossentropy),
        (
            losses.sparse_categorical_crossentropy(classes[..., None], maps),
            keras.losses.sparse_categorical_crossentropy,
        ),
    ):
        right = theirs(keras.ops.convert_to_tensor(classes), keras.ops.convert_to_tensor(maps))
        np.testing.assert_allclose(ours, right.numpy(), rtol=2e-5)
    column = ANSWERS[:, :1]
    np.testing.assert_array_equal(
        losses.binary_crossentropy(YES[:, 0], column), losses.binary_crossentropy(YES[:, :1], column)
    )


@pytest.mark.parametrize("labels", [CLASSES, ONE_HOT])
def test_crossentropy_fits_the_labels(labels: Array) -> None:
    loss = losses.get("crossentropy")(labels, PROBABILITIES)
    np.testing.assert_allclose(loss, losses.CategoricalCrossentropy()(ONE_HOT, PROBABILITIES), rtol=1e-6)
    assert losses.get("ce")(YES[:, :1], ANSWERS[:, :1]) == losses.BinaryCrossentropy()(YES[:, :1], ANSWERS[:, :1])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: losses.huber(NUMBERS, OTHERS, delta=-1.0), "huber: .*delta.*-1"),
        (lambda: losses.binary_crossentropy(YES, ANSWERS, label_smoothing=2.0), "label_smoothing.*2"),
        (lambda: losses.binary_focal_crossentropy(YES, ANSWERS, gamma=-1.0), "gamma.*-1"),
        (lambda: losses.hinge(YES[:3], ANSWERS), r"hinge: .*\(3, 4\).*\(5, 4\)"),
        (lambda: losses.dice(YES[:3], ANSWERS), r"dice: .*\(3, 4\).*\(5, 4\)"),
        (lambda: losses.sparse_categorical_crossentropy(IGNORED, PROBABILITIES, ignore_class=7), "y_true.*-1"),
    ],
)
def test_bad_arguments(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
