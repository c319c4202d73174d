"""Losses: values and gradients against Keras and finite differences, reductions, weights, bad input."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from arrays import Array, normal
from pyconv import losses, ops
from pyconv.gradient import Tape
from pyconv.utils import to_categorical

CLASSES = np.array([2, 0, 1, 1, 3])
ONE_HOT = to_categorical(CLASSES, 4)


def probabilities(dtype: Any = np.float32) -> Array:
    return ops.softmax(normal(np.random.default_rng(8), (5, 4), dtype))


def unnormalised() -> Array:
    """Probabilities that don't sum to one, an exact 0 and an exact 1: what Keras clips and divides."""
    p = probabilities() * np.float32(1.5)
    p[0] = [0, 0, 1, 0]
    p[1] = [0, 0, 1, 0]
    return p


PREDICTIONS = {
    "probabilities": (probabilities(), False),
    "unnormalised": (unnormalised(), False),
    "logits": (normal(np.random.default_rng(9), (5, 4)), True),
}


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("name", ["CategoricalCrossentropy", "SparseCategoricalCrossentropy"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_crossentropies_are_kerass(
    prediction: str, name: str, smoothing: float, keras: ModuleType, torch: ModuleType
) -> None:
    """Both compute in float32; the gradient of a clipped or tiny probability is large, so both are relative."""
    y_pred, from_logits = PREDICTIONS[prediction]
    arguments: dict[str, Any] = {"from_logits": from_logits}
    y_true: Array = CLASSES
    if name == "CategoricalCrossentropy":
        arguments["label_smoothing"], y_true = smoothing, ONE_HOT
    elif smoothing:
        pytest.skip("sparse labels are not smoothed")
    with Tape([y_pred]) as tape:
        loss = getattr(losses, name)(**arguments)(y_true, y_pred)
    leaf = torch.from_numpy(y_pred.copy()).requires_grad_()
    theirs = getattr(keras.losses, name)(**arguments)(torch.from_numpy(y_true), leaf)
    theirs.backward()
    assert loss.shape == ()
    assert loss.dtype == np.float32
    np.testing.assert_allclose(loss, theirs.detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(loss)[0], leaf.grad.numpy(), rtol=1e-5, atol=1e-6)


def test_mean_squared_error_is_kerass(keras: ModuleType, torch: ModuleType, rng: np.random.Generator) -> None:
    y_true, y_pred = normal(rng, (5, 3)), normal(rng, (5, 3))
    with Tape([y_pred]) as tape:
        loss = losses.MeanSquaredError()(y_true, y_pred)
    leaf = torch.from_numpy(y_pred.copy()).requires_grad_()
    theirs = keras.losses.MeanSquaredError()(torch.from_numpy(y_true), leaf)
    theirs.backward()
    np.testing.assert_allclose(loss, theirs.detach().numpy(), rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(loss)[0], leaf.grad.numpy(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "loss",
    [
        lambda p: losses.CategoricalCrossentropy()(ONE_HOT, p),
        lambda p: losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)(ONE_HOT, p),
        lambda p: losses.CategoricalCrossentropy(axis=0)(ONE_HOT.T, ops.transpose(p)),
        lambda p: losses.SparseCategoricalCrossentropy()(CLASSES, p),
        lambda p: losses.SparseCategoricalCrossentropy(from_logits=True)(CLASSES[:, np.newaxis], p),
        lambda p: losses.MeanSquaredError(reduction="sum")(ONE_HOT, p, sample_weight=np.arange(5.0)),
    ],
)
def test_gradients_against_finite_differences(loss: Callable[[Array], Array]) -> None:
    """Step 1e-6 in float64: h^2 and eps / h are near 1e-10, and no probability here is near a clip."""
    p = probabilities(np.float64)
    direction = np.random.default_rng(3).standard_normal(p.shape)
    with Tape([p]) as tape:
        value = loss(p)
    slope = (loss(p + 1e-6 * direction) - loss(p - 1e-6 * direction)) / 2e-6
    assert float((tape.gradient(value)[0] * direction).sum()) == pytest.approx(float(slope), rel=1e-7)


def test_reductions() -> None:
    p = probabilities(np.float64)
    each = losses.SparseCategoricalCrossentropy(reduction=None)(CLASSES, p)
    assert each.shape == (5,)
    np.testing.assert_allclose(each, -np.log(p[np.arange(5), CLASSES]), rtol=1e-12)
    for reduction, right in (("sum", each.sum()), ("sum_over_batch_size", each.mean()), ("mean", each.mean())):
        loss = losses.SparseCategoricalCrossentropy(reduction=reduction)(CLASSES, p)
        assert loss.shape == ()
        np.testing.assert_allclose(loss, right, rtol=1e-12)


def test_sample_weights() -> None:
    p, weights = probabilities(np.float64), np.array([0.0, 1.0, 2.0, 0.5, 0.0])
    each = losses.sparse_categorical_crossentropy(CLASSES, p)
    loss = losses.SparseCategoricalCrossentropy()(CLASSES, p, weights)
    np.testing.assert_allclose(loss, (each * weights).sum() / 5, rtol=1e-12)
    loss = losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")(CLASSES, p, weights)
    np.testing.assert_allclose(loss, (each * weights).sum() / weights.sum(), rtol=1e-12)


def test_sparse_labels_in_every_form() -> None:
    p = probabilities()
    right = losses.sparse_categorical_crossentropy(CLASSES, p)
    for labels in (CLASSES.tolist(), CLASSES.astype(np.uint8), CLASSES.astype(np.float32), CLASSES[:, np.newaxis]):
        np.testing.assert_array_equal(losses.sparse_categorical_crossentropy(labels, p), right)
    np.testing.assert_allclose(losses.categorical_crossentropy(ONE_HOT, p), right, rtol=1e-6)


def test_a_certain_mistake_has_a_finite_loss() -> None:
    """The probability 0 is taken for Keras' epsilon, 1e-7."""
    loss = losses.sparse_categorical_crossentropy([1], [[1.0, 0.0]])
    np.testing.assert_allclose(loss, [-np.log(1e-7)], rtol=1e-6)


def test_nan_is_reported_not_hidden() -> None:
    for loss in (losses.SparseCategoricalCrossentropy(), losses.SparseCategoricalCrossentropy(from_logits=True)):
        assert np.isnan(loss([0], np.array([[np.nan, 0.5]], np.float32)))


@pytest.mark.parametrize("name", ["mse", "mean_squared_error", "MeanSquaredError", "categorical_crossentropy"])
def test_get(name: str) -> None:
    loss = losses.get(name)
    assert isinstance(loss, losses.Loss)
    assert losses.get(loss) is loss
    assert type(losses.get(type(loss))) is type(loss)
    assert type(loss)(**loss.get_config()).get_config() == loss.get_config()


P = probabilities()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: losses.categorical_crossentropy(CLASSES, P), ValueError, r"y_true.*\(5,\).*\(5, 4\)"),
        (lambda: losses.categorical_crossentropy(ONE_HOT[:4], P), ValueError, r"\(4, 4\).*\(5, 4\)"),
        (lambda: losses.categorical_crossentropy(ONE_HOT, P, label_smoothing=2), ValueError, "label_smoothing.*2"),
        (lambda: losses.categorical_crossentropy(ONE_HOT, P, axis=2), ValueError, "axis.*2"),
        (lambda: losses.sparse_categorical_crossentropy(CLASSES[:4], P), ValueError, r"\(4,\).*\(5, 4\)"),
        (lambda: losses.sparse_categorical_crossentropy(CLASSES + 1, P), ValueError, "y_true.*4"),
        (lambda: losses.sparse_categorical_crossentropy(CLASSES - 1, P), ValueError, "y_true.*-1"),
        (lambda: losses.sparse_categorical_crossentropy([0.5] * 5, P), ValueError, "y_true"),
        (lambda: losses.sparse_categorical_crossentropy([np.nan] * 5, P), ValueError, "y_true"),
        (lambda: losses.sparse_categorical_crossentropy("abcde", P), TypeError, "y_true"),
        (lambda: losses.mean_squared_error(np.zeros((5, 3)), P), ValueError, r"\(5, 3\).*\(5, 4\)"),
        (lambda: losses.mean_squared_error(None, P), TypeError, "y_true"),
        (lambda: losses.MeanSquaredError(reduction="max"), ValueError, "MeanSquaredError: reduction.*max"),
        (lambda: losses.MeanSquaredError()(P, P, sample_weight=np.ones(4)), ValueError, "sample_weight"),
        (lambda: losses.get("hinges"), ValueError, "hinges"),
        (lambda: losses.get(3), TypeError, "3"),
    ],
)
def test_bad_input(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"(?s){words}"):
        call()
