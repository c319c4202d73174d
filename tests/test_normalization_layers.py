"""Normalising layers, noise, rescaling and merging against NumPy, whatever other libraries are installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array, normal
from pyconv import layers, ops
from pyconv.gradient import Tape

X = normal(np.random.default_rng(60), (6, 5, 4), np.float64) * 3 + 1
# float64 sums of at most 120 numbers near one.
CLOSE = {"rtol": 1e-12, "atol": 1e-12}


def weighted(layer: layers.Layer, x: Array = X) -> list[Array]:
    """The layer's weights, set to something else than zeros and ones."""
    layer.build((None, *x.shape[1:]))
    generator = np.random.default_rng(61)
    weights = [generator.uniform(0.5, 2.0, weight.shape) for weight in layer.weights]
    layer.set_weights(weights)
    return weights


def freed(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    """X without its mean and deviation along axes."""
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_batch_normalization(axis: int) -> None:
    layer = layers.BatchNormalization(axis, momentum=0.75, epsilon=0.1, dtype="float64")
    gamma, beta, mean, variance = weighted(layer)
    shape = [1, 1, 1]
    shape[axis] = X.shape[axis]
    others = tuple(place for place in range(3) if place != axis % 3)
    spread = [weight.reshape(shape) for weight in (gamma, beta, mean, variance)]
    right = spread[0] * (X - spread[2]) / np.sqrt(spread[3] + 0.1) + spread[1]
    np.testing.assert_allclose(layer(X), right, **CLOSE)
    np.testing.assert_array_equal(layer.moving_mean.value, mean)
    right = spread[0] * freed(X, others, 0.1) + spread[1]
    np.testing.assert_allclose(layer(X, training=True), right, **CLOSE)
    np.testing.assert_allclose(layer.moving_mean.value, 0.75 * mean + 0.25 * X.mean(others), **CLOSE)
    np.testing.assert_allclose(layer.moving_variance.value, 0.75 * variance + 0.25 * X.var(others), **CLOSE)


def test_a_frozen_batch_normalization_keeps_its_averages() -> None:
    layer = layers.BatchNormalization()
    layer.trainable = False
    before = weighted(layer)
    np.testing.assert_array_equal(layer(X, training=True), layer(X))
    for weight, value in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_allclose(weight, value, rtol=1e-7)


def test_batch_normalization_of_constant_channels_and_a_large_mean() -> None:
    """float32 of mean 1e4 and deviation 1: the squares aren't subtracted from each other, so digits stay."""
    x = (normal(np.random.default_rng(62), (1000, 2), np.float64) + 1e4).astype(np.float32)
    x[:, 1] = 7
    y = layers.BatchNormalization(epsilon=1e-6)(x, training=True)
    assert abs(y[:, 0].mean()) < 1e-3
    assert y[:, 0].std() == pytest.approx(1, abs=1e-3)
    np.testing.assert_array_equal(y[:, 1], 0)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.BatchNormalization(1, dtype="float64"),
        lambda: layers.BatchNormalization(center=False, scale=False, dtype="float64"),
        lambda: layers.GroupNormalization(2, dtype="float64"),
        lambda: layers.LayerNormalization((1, 2), dtype="float64"),
        lambda: layers.UnitNormalization(dtype="float64"),
        lambda: layers.PReLU(shared_axes=1, dtype="float64"),
        lambda: layers.Normalization(dtype="float64"),
        lambda: layers.Resizing(3, 7, interpolation="bicubic", dtype="float64"),
    ],
)
@pytest.mark.parametrize("training", [False, True])
def test_gradients(layer: Callable[[], layers.Layer], training: bool) -> None:
    """Central differences in float64, as in test_gradients.py, of inputs and weights together."""
    made = layer()
    x = X[..., np.newaxis] if isinstance(made, layers.Resizing) else X
    weighted(made, x)
    generator = np.random.default_rng(63)
    arrays = [x, *(weight.numpy() for weight in made.trainable_weights)]
    directions = [generator.standard_normal(array.shape) for array in arrays]
    with Tape([x, *(weight.value for weight in made.trainable_weights)]) as tape:
        y = made(x, training=training)
    upstream = generator.standard_normal(y.shape)
    gradients = tape.gradient(y, upstream)

    def along(t: float) -> float:
        for weight, array, direction in zip(made.trainable_weights, arrays[1:], directions[1:], strict=True):
            weight.assign(array + t * direction)
        return float((made(x + t * directions[0], training=training) * upstream).sum())

    averages = [weight.numpy() for weight in made.non_trainable_weights]
    slopes = []
    for t in (1e-5, -1e-5):
        for weight, value in zip(made.non_trainable_weights, averages, strict=True):
            weight.assign(value)
        slopes.append(along(t))
    found = sum(float((g * d).sum()) for g, d in zip(gradients, directions, strict=True))
    assert found == pytest.approx((slopes[0] - slopes[1]) / 2e-5, rel=1e-6, abs=1e-6)


def test_layer_and_group_normalization() -> None:
    layer = layers.LayerNormalization(1, epsilon=0.1, dtype="float64")
    gamma, beta = weighted(layer)
    np.testing.assert_allclose(layer(X), gamma[:, None] * freed(X, (1,), 0.1) + beta[:, None], **CLOSE)
    group = layers.GroupNormalization(2, epsilon=0.1, dtype="float64")
    gamma, beta = weighted(group)
    right = freed(X.reshape(6, 5, 2, 2), (1, 3), 0.1).reshape(X.shape)
    np.testing.assert_allclose(group(X), gamma * right + beta, **CLOSE)
    instance = layers.GroupNormalization(-1, axis=1, epsilon=0.1, center=False, scale=False, dtype="float64")
    np.testing.assert_allclose(instance(X), freed(X, (2,), 0.1), **CLOSE)


def test_rms_and_unit_normalization() -> None:
    layer = layers.RMSNormalization((1, 2), epsilon=0.1, dtype="float64")
    (scale,) = weighted(layer)
    np.testing.assert_allclose(layer(X), scale * X / np.sqrt((X**2).mean((1, 2), keepdims=True) + 0.1), **CLOSE)
    unit = layers.UnitNormalization(axis=1, dtype="float64")
    np.testing.assert_allclose((unit(X) ** 2).sum(1), 1, **CLOSE)
    np.testing.assert_array_equal(unit(np.zeros((1, 3))), 0)


@pytest.mark.parametrize("axis", [-1, (1, 2), None])
def test_normalization_learns_from_data(axis: Any) -> None:
    layer = layers.Normalization(axis, dtype="float64")
    layer.adapt(X)
    others = {-1: (0, 1), (1, 2): (0,), None: (0, 1, 2)}[axis]
    np.testing.assert_allclose(layer(X), freed(X, others, 0.0), **CLOSE)
    given = layers.Normalization(axis, mean=X.mean(others), variance=X.var(others), invert=True, dtype="float64")
    np.testing.assert_allclose(given(layer(X)), X, **CLOSE)
    assert given.weights == []
    assert layers.Normalization.from_config(given.get_config())(X).shape == X.shape


def test_rescaling_takes_bytes() -> None:
    pixels = np.array([[[0, 127, 255]]], np.uint8)
    y = layers.Rescaling([1.0, 2.0, 1 / 255], offset=[0, 1, 0])(pixels)
    np.testing.assert_allclose(y, [[[0.0, 255.0, 1.0]]], rtol=1e-7)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_spatial_dropout_drops_whole_channels(rank: int, data_format: str) -> None:
    if rank == 1 and data_format == "channels_first":
        return  # as in Keras
    arguments = {} if rank == 1 else {"data_format": data_format}
    layer = getattr(layers, f"SpatialDropout{rank}D")(0.25, seed=1, **arguments)
    axes = tuple(range(2, rank + 2)) if data_format == "channels_first" else tuple(range(1, rank + 1))
    y = layer(
        np.ones((*(40,) * (1 if data_format == "channels_last" else 2), *(3,) * rank, 40)[: rank + 2]), training=True
    )
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
    np.testing.assert_array_equal(y.min(axes), y.max(axes))
    np.testing.assert_array_equal(layer(np.ones_like(y)), 1)


def test_gaussian_noise() -> None:
    """Of 100,000 numbers: the mean strays by 0.0016, the deviation by 0.0011 (one standard deviation)."""
    x = np.full((100, 1000), 3.0)
    layer = layers.GaussianNoise(0.5, seed=1)
    np.testing.assert_array_equal(layer(x), x)
    y = layer(x, training=True)
    assert y.mean() == pytest.approx(3, abs=0.01)
    assert y.std() == pytest.approx(0.5, abs=0.01)
    np.testing.assert_array_equal(layers.GaussianNoise(0.5, seed=1)(x, training=True), y)
    assert (layer(x, training=True) != y).any()


def test_gaussian_dropout_has_dropouts_mean_and_deviation() -> None:
    """Of 40,000 numbers of deviation 1/2 the mean is known to 0.0025, the deviation to 0.0018: five times that."""
    x = np.full((200, 200), 2.0)
    layer = layers.GaussianDropout(0.2, seed=1, dtype="float64")
    y = layer(x, training=True) / 2
    assert abs(y.mean() - 1) < 0.0125
    assert abs(y.std() - 0.5) < 0.009
    np.testing.assert_array_equal(layer(x), x)
    with Tape([x]) as tape:
        y = layer(x, training=True)
    np.testing.assert_allclose(tape.gradient(y)[0], y / x, rtol=1e-12)


def test_alpha_dropout_keeps_mean_and_variance(rng: np.random.Generator) -> None:
    """The paper's formula for kept and dropped. Of 40,000 numbers of deviation 1: five times 0.005 and 0.0035."""
    x = rng.standard_normal((200, 200))
    y = layers.AlphaDropout(0.3, seed=1, dtype="float64")(x, training=True)
    limit = -1.7580993408473766
    a = (0.7 * (1 + 0.3 * limit**2)) ** -0.5
    b = -a * limit * 0.3
    dropped = np.isclose(y, a * limit + b)
    np.testing.assert_allclose(y[~dropped], (a * x + b)[~dropped], rtol=1e-12)
    assert abs(dropped.mean() - 0.3) < 5 * (0.3 * 0.7 / x.size) ** 0.5
    assert abs(y.mean()) < 0.025
    assert abs(y.std() - 1) < 0.0175
    channels = layers.AlphaDropout(0.5, noise_shape=(None, 1), seed=1)(np.zeros((50, 4)), training=True)
    assert (channels == channels[:, :1]).all()
    assert len(np.unique(channels)) == 2
    np.testing.assert_array_equal(layers.AlphaDropout(1)(x, training=True), np.zeros_like(x))


def test_rectifiers() -> None:
    np.testing.assert_allclose(layers.LeakyReLU(dtype="float64")([-2.0, 0.0, 3.0]), [-0.6, 0.0, 3.0])
    np.testing.assert_allclose(layers.LeakyReLU(alpha=0.5)([-2.0, 0.0, 3.0]), [-1.0, 0.0, 3.0])
    np.testing.assert_allclose(layers.ELU(2.0, dtype="float64")([-1.0, 3.0]), [2 * np.expm1(-1.0), 3.0])
    layer = layers.PReLU("ones", shared_axes=[1], dtype="float64")
    layer.build(X.shape)
    layer.set_weights([np.array([[0.0, 1.0, 2.0, -1.0]])])
    np.testing.assert_allclose(layer(X), np.where(X > 0, X, X * np.array([0.0, 1.0, 2.0, -1.0])))


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("Add", lambda a, b, c: a + b + c),
        ("Multiply", lambda a, b, c: a * b * c),
        ("Average", lambda a, b, c: (a + b + c) / 3),
        ("Maximum", lambda a, b, c: np.maximum(np.maximum(a, b), c)),
        ("Minimum", lambda a, b, c: np.minimum(np.minimum(a, b), c)),
    ],
)
def test_merging(name: str, function: Callable[..., Array]) -> None:
    arrays = [X, X[:, :1] * 2, X - 1]
    layer = getattr(layers, name)(dtype="float64")
    np.testing.assert_allclose(layer(arrays), function(*arrays), **CLOSE)
    assert layer.compute_output_shape([(None, 5, 4), (None, 1, 4), (None, None, 4)]) == (None, 5, 4)
    again = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(again(tuple(arrays)), layer(arrays))
    for x in (X, [X]):
        assert layer.name
        if x is X:
            with pytest.raises(ValueError, match=f"^{name}: a merge layer should be called on a list"):
                getattr(layers, name)()(x)
        else:
            np.testing.assert_allclose(getattr(layers, name)(dtype="float64")(x), X)


def test_subtract_and_concatenate() -> None:
    np.testing.assert_array_equal(layers.Subtract(dtype="float64")([X, 2 * X]), -X)
    np.testing.assert_array_equal(
        layers.Concatenate(1, dtype="float64")([X, X[:, :2]]), np.concatenate([X, X[:, :2]], axis=1)
    )
    assert layers.Concatenate().compute_output_shape([(None, None, 3), (None, 5, 4)]) == (None, 5, 7)
    assert layers.Concatenate(1).compute_output_shape([(None, None, 3), (None, 5, 3)]) == (None, None, 3)


def test_a_network_with_normalization_learns() -> None:
    """The averages move while training and not while predicting, and the gradient reaches the first layer."""
    model = pyconv.Sequential(
        [
            layers.Input((6, 6, 1)),
            layers.Conv2D(4, 3, use_bias=False),
            layers.BatchNormalization(momentum=0.5),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )
    model.compile("sgd", "mean_squared_error")
    x, y = normal(np.random.default_rng(64), (8, 6, 6, 1)), normal(np.random.default_rng(65), (8, 2))
    before = model.get_weights()
    model.predict(x, verbose=0)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    losses = [model.train_on_batch(x, y) for _ in range(30)]
    assert losses[-1] < losses[0]
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


def test_sparsemax_is_the_nearest_point_of_the_simplex() -> None:
    """No move from it towards a corner of the simplex comes nearer: the projection's defining inequality."""
    x = normal(np.random.default_rng(66), (50, 6), np.float64)
    y = ops.sparsemax(x)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-12)
    assert (y >= 0).all()
    for corner in np.eye(6):
        assert (((x - y) * (corner - y)).sum(axis=1) <= 1e-12).all()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: layers.BatchNormalization(axis=1.5), TypeError, "BatchNormalization: .*axis.*1.5"),
        (lambda: layers.BatchNormalization(axis=4)(X), ValueError, "BatchNormalization: .*axis.*4"),
        (lambda: layers.BatchNormalization(momentum=2), ValueError, "BatchNormalization: .*momentum.*2"),
        (lambda: layers.BatchNormalization(epsilon=-1), ValueError, "BatchNormalization: .*epsilon.*-1"),
        (lambda: layers.BatchNormalization(synchronized=True), ValueError, "BatchNormalization: .*synchronized"),
        (
            lambda: layers.BatchNormalization().build((None, 3, None)),
            ValueError,
            "BatchNormalization: .*defined dimension.*None",
        ),
        (lambda: layers.BatchNormalization()(X[:0], training=True), ValueError, r"BatchNormalization: .*\(0, 5, 4\)"),
        (lambda: layers.LayerNormalization("last")(X), TypeError, "LayerNormalization: .*axis.*last"),
        (lambda: layers.LayerNormalization([0, 5])(X), ValueError, "LayerNormalization: .*axis"),
        (lambda: layers.GroupNormalization(3)(X), ValueError, "GroupNormalization: .*divisible.*channels=4, groups=3"),
        (lambda: layers.GroupNormalization(0), ValueError, "GroupNormalization: .*groups.*0"),
        (lambda: layers.Normalization(mean=1.0), ValueError, "Normalization: .*both .mean. and .variance."),
        (
            lambda: layers.Normalization(mean=[1, 2], variance=[1, 2])(X),
            ValueError,
            r"Normalization: mean.*\(4,\)",
        ),
        (lambda: layers.Normalization(mean=1, variance=1).adapt(X), ValueError, "Normalization.adapt: "),
        (lambda: layers.Normalization().adapt(X[:0]), ValueError, "Normalization.adapt: data must not be empty"),
        (lambda: layers.Rescaling("much"), TypeError, "Rescaling: .*scale"),
        (lambda: layers.Resizing(0, 3), ValueError, "Resizing: .*height.*0"),
        (lambda: layers.Resizing(3, 3, "cubist"), ValueError, "Resizing: interpolation.*cubist"),
        (lambda: layers.Resizing(3, 3, fill_mode="wrap"), ValueError, "Resizing: fill_mode.*wrap"),
        (lambda: layers.Resizing(3, 3)(np.zeros((1, 0, 3, 1))), ValueError, r"Resizing: .*\(1, 0, 3, 1\)"),
        (lambda: layers.GaussianNoise(-1), ValueError, "GaussianNoise: .*stddev.*-1"),
        (lambda: layers.SpatialDropout2D(1.5), ValueError, "SpatialDropout2D: .*rate.*1.5"),
        (
            lambda: layers.SpatialDropout1D(0.5, data_format="channels_last"),
            ValueError,
            "SpatialDropout1D: Unrecognized.*data_format",
        ),
        (
            lambda: layers.SpatialDropout2D(0.5, noise_shape=(None, 1, 1, None)),
            TypeError,
            r"SpatialDropout2D: noise_shape.*\(None, 1, 1, None\)",
        ),
        (lambda: layers.SpatialDropout2D(0.5)(X), ValueError, r"SpatialDropout2D: inputs.*\(6, 5, 4\)"),
        (lambda: layers.LeakyReLU(None), TypeError, "LeakyReLU: .*negative_slope.*None"),
        (lambda: layers.PReLU(shared_axes=0), ValueError, "PReLU: .*shared_axes.*0"),
        (lambda: layers.PReLU(shared_axes=3)(X), ValueError, "PReLU: .*shared_axes.*3"),
        (lambda: layers.PReLU().build((None, None, 3)), ValueError, "PReLU: .*known"),
        (lambda: layers.Add()([X, X[:, :2]]), ValueError, r"Add: inputs have incompatible shapes.*\(None, 2, 4\)"),
        (lambda: layers.Subtract()([X, X, X]), ValueError, "Subtract: .*exactly 2.*3"),
        (lambda: layers.Concatenate()([X, X[:, :2]]), ValueError, "Concatenate: .*matching shapes"),
        (lambda: layers.Concatenate()([X, X[0]]), ValueError, "Concatenate: .*matching shapes"),
        (lambda: layers.Concatenate()(X), ValueError, "Concatenate: .*list"),
        (
            lambda: ops.batch_normalization(X, np.zeros(3), np.ones(4), -1),
            ValueError,
            r"batch_normalization: mean.*\(3,\)",
        ),
        (lambda: ops.layer_normalization(X, np.ones(3)), ValueError, r"layer_normalization: gamma.*\(4,\).*\(3,\)"),
        (lambda: ops.moments(X, 0, synchronized=True), ValueError, "moments: synchronized"),
        (lambda: ops.glu(np.zeros(3)), ValueError, r"glu: .*even.*\(3,\)"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"^{words}"):
        call()


def test_normalization_of_the_last_axes_takes_inputs_of_any_rank() -> None:
    layer = layers.LayerNormalization(dtype="float64")
    assert layer(X).shape == X.shape
    np.testing.assert_allclose(layer(X[0]), layer(X)[0], **CLOSE)
    with pytest.raises(ValueError, match="4"):
        layer(X[..., :3])


def test_softmax_with_a_mask(keras: Any) -> None:
    mask = np.array([[True, False, True, True], [False] * 4])
    x = X[0, :2]
    y = layers.Softmax(dtype="float64")(x, mask=mask)
    np.testing.assert_allclose(y[0, mask[0]], np.exp(x[0, mask[0]]) / np.exp(x[0, mask[0]]).sum(), **CLOSE)
    assert not y[~mask].any()
    theirs = keras.layers.Softmax(dtype="float64")(x, mask=mask).numpy()
    np.testing.assert_allclose(y, theirs, rtol=1e-12, atol=1e-12)
    with pytest.raises(ValueError, match=r"^Softmax: mask must be broadcastable.*\(3,\).*\(2, 4\)"):
        layers.Softmax()(x, mask=np.ones(3))


def batches() -> Any:
    yield X[:1], np.zeros(1)
    yield X[1:4], np.zeros(3)
    yield X[4:], np.zeros(2)


class ByNumber:
    """As a PyDataset of Keras'."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, number: int) -> Array:
        return X[4:] if number else X[:4]


@pytest.mark.parametrize("data", [lambda: [X[:1], X[1:]], batches, lambda: list(batches()), ByNumber])
def test_a_normalization_learns_from_batches_what_it_learns_from_the_whole(data: Callable[[], Any]) -> None:
    layer = layers.Normalization(dtype="float64")
    assert layer.mean is None
    layer.adapt(data())
    np.testing.assert_allclose(layer.mean, X.mean((0, 1), keepdims=True), **CLOSE)
    np.testing.assert_allclose(layer.variance, X.var((0, 1), keepdims=True), **CLOSE)


def test_a_masked_step_counts_for_nothing() -> None:
    """Not even if it is NaN; and where no step counts the mean is zero."""
    x = X.copy()
    mask = np.random.default_rng(64).uniform(size=X.shape[:2]) < 0.5
    mask[0] = False
    x[~mask] = np.nan
    right = np.array([X[i, mask[i]].sum(0) / max(1, mask[i].sum()) for i in range(len(X))])
    pool = layers.GlobalAveragePooling1D(dtype="float64")
    np.testing.assert_allclose(pool(x, mask=mask), right, **CLOSE)
    first = layers.GlobalAveragePooling1D("channels_first", keepdims=True, dtype="float64")
    np.testing.assert_allclose(first(x.transpose(0, 2, 1), mask=mask)[..., 0], right, **CLOSE)
    with pytest.raises(ValueError, match="GlobalAveragePooling1D: mask must have the shape"):
        pool(X, mask=mask.T)


@pytest.mark.parametrize("radius", [3, 5])
@pytest.mark.parametrize("size", [4, 17])
@pytest.mark.parametrize("antialias", [False, True])
def test_lanczos(radius: int, size: int, antialias: bool) -> None:
    """Against the sum as the book writes it: each pixel within the radius, its weight, and the weights' sum."""
    n = 9
    x = np.random.default_rng(65).uniform(size=(1, n, 1, 1))
    width = max(n / size, 1) if antialias else 1
    right = []
    for i in range(size):
        away = [((i + 0.5) * n / size - 0.5 - j) / width for j in range(n)]
        weights = [np.sinc(t) * np.sinc(t / radius) if abs(t) < radius else 0.0 for t in away]
        right.append(np.dot(weights, x[0, :, 0, 0]) / sum(weights))
    layer = layers.Resizing(size, 1, f"lanczos{radius}", antialias=antialias, dtype="float64")
    np.testing.assert_allclose(layer(x)[0, :, 0, 0], right, **CLOSE)


def test_several_numbers_rescale_the_channels_wherever_they_stand() -> None:
    layer = layers.Rescaling([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(layer(np.ones((1, 2, 2, 3)))[0, 0, 0], [1, 2, 3])
    pyconv.config.set_image_data_format("channels_first")
    try:
        np.testing.assert_array_equal(layer(np.ones((1, 3, 2, 2)))[0, :, 0, 0], [1, 2, 3])
    finally:
        pyconv.config.set_image_data_format("channels_last")
