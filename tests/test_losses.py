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
from pyconv.ops.reductions import SoftmaxGradient
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


SATURATED = np.array([[30.0, 0, -10, 1], [0, 40, 0, 0], [0.5, 0.25, -2, 1], [1, 1, 1, 1], [-3, 2, 0, 0.5]])
OUT_OF_ONE = {
    "sparse": lambda y_pred, weights: losses.SparseCategoricalCrossentropy()(CLASSES, y_pred, weights),
    "ignoring": lambda y_pred, weights: losses.SparseCategoricalCrossentropy(ignore_class=1)(CLASSES, y_pred, weights),
    "smoothed": lambda y_pred, weights: losses.CategoricalCrossentropy(label_smoothing=0.1)(ONE_HOT, y_pred, weights),
    "one-hot": lambda y_pred, weights: losses.CategoricalCrossentropy()(ONE_HOT, y_pred, weights),
}
softmaxes = pytest.mark.parametrize("loss", OUT_OF_ONE.values(), ids=OUT_OF_ONE)


def gradient_for_logits(loss: Any, logits: Array, weights: Any = None, *, apart: bool = False) -> Array:
    """Through softmax and loss; apart: where the gradient of the probabilities is asked for too, each by itself."""
    with Tape(None) as tape:
        y_pred = ops.softmax(logits)
        value = loss(y_pred, weights)
    return tape.gradient(value, sources=[logits, y_pred] if apart else [logits])[0]


@softmaxes
def test_softmax_and_crossentropy_have_one_gradient(loss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of both one after the other but for roundings, of numbers up to 3 / 5.

    Some of the shares are clipped: of those that are right 1e-13 and 4e-18, others too.
    """
    weights = np.array([1.0, 2.0, 0.5, 1.0, 3.0])
    exact = gradient_for_logits(loss, SATURATED, weights, apart=True)
    assert (exact[0] == 0).all()
    assert (exact[4] != 0).all()
    monkeypatch.setattr(SoftmaxGradient, "__call__", lambda self, dy: pytest.fail("they are apart"))
    for dtype in (np.float32, np.float64):
        found = gradient_for_logits(loss, SATURATED.astype(dtype), weights)
        np.testing.assert_allclose(found, exact, rtol=0, atol=4 * np.finfo(dtype).eps)


@softmaxes
def test_softmax_and_crossentropy_are_kerass(loss: Any, keras: ModuleType, torch: ModuleType) -> None:
    """float32 beside float32, as above; Keras' own torch backend clips as well."""
    name = next(name for name, each in OUT_OF_ONE.items() if each is loss)
    theirs = {
        "sparse": lambda y: keras.losses.SparseCategoricalCrossentropy()(torch.from_numpy(CLASSES), y),
        "ignoring": lambda y: keras.losses.SparseCategoricalCrossentropy(ignore_class=1)(torch.from_numpy(CLASSES), y),
        "smoothed": lambda y: keras.losses.CategoricalCrossentropy(label_smoothing=0.1)(torch.from_numpy(ONE_HOT), y),
        "one-hot": lambda y: keras.losses.CategoricalCrossentropy()(torch.from_numpy(ONE_HOT), y),
    }[name]
    logits = SATURATED.astype(np.float32)
    leaf = torch.from_numpy(logits.copy()).requires_grad_()
    theirs(torch.softmax(leaf, -1)).backward()
    np.testing.assert_allclose(gradient_for_logits(loss, logits), leaf.grad.numpy(), rtol=1e-5, atol=1e-7)


@softmaxes
def test_the_two_are_apart_where_something_else_reads_the_probabilities(loss: Any) -> None:
    """Half of each of two uses is the one use; and the gradient of another target than the loss is that target's."""
    logits = SATURATED.copy()
    with Tape([logits]) as tape:
        y_pred = ops.softmax(logits)
        value = ops.add(loss(y_pred, None), ops.sum(ops.multiply(y_pred, np.zeros(y_pred.shape))))
    np.testing.assert_allclose(tape.gradient(value)[0], gradient_for_logits(loss, logits), atol=1e-15)
    with Tape([logits]) as tape:
        y_pred = ops.softmax(logits)
        loss(y_pred, None)
    seed = np.arange(20.0).reshape(5, 4)
    expected = y_pred * (seed - (seed * y_pred).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(tape.gradient(y_pred, seed)[0], expected, atol=1e-15)


def test_a_softmax_along_other_axes_is_apart() -> None:
    logits, axis = SATURATED.T.copy(), 0
    values = []
    for axes in (axis, (axis,), (0, 1)):
        with Tape([logits]) as tape:
            value = losses.CategoricalCrossentropy(axis=axis)(ONE_HOT.T, ops.softmax(logits, axes))
        values.append(tape.gradient(value)[0])
    np.testing.assert_array_equal(values[0], values[1])
    expected = gradient_for_logits(OUT_OF_ONE["one-hot"], SATURATED).T
    np.testing.assert_allclose(values[0], expected, atol=1e-15)
    # Divided by their sums the columns of a softmax over all numbers are softmaxes; no share is clipped but for those.
    np.testing.assert_allclose(values[2], expected, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_far_apart_have_their_distance_for_a_loss(dtype: Any) -> None:
    """Also where the share is zero in floating point; 75 isn't quite, and its logarithm as good."""
    logits = np.array([[0, 1000], [0, 75], [0, 3], [-np.inf, 2], [2, -np.inf]], dtype)
    for each in (
        losses.sparse_categorical_crossentropy(np.zeros(5), logits, from_logits=True),
        losses.categorical_crossentropy(np.eye(2)[np.zeros(3, int)], logits[:3], from_logits=True),
    ):
        expected = np.array([1000, 75, 3 + np.log1p(np.exp(-3.0)), np.inf, 0])[: len(each)]
        np.testing.assert_allclose(each, expected, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("from_logits", [False, True])
def test_categorical_crossentropy_has_a_gradient_for_the_labels(from_logits: bool) -> None:
    """As of a teacher's probabilities, which come from a network themselves: -log of the shares."""
    labels, predicted = np.array([[0.2, 0.8]]), np.array([[0.5, 1.5]])
    shares = np.exp(predicted) if from_logits else predicted
    with Tape([labels]) as tape:
        values = losses.categorical_crossentropy(labels, predicted, from_logits)
    np.testing.assert_allclose(tape.gradient(values)[0], -np.log(shares / shares.sum()), rtol=1e-12)
