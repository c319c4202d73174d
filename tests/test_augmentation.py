"""Layers that change images at random: what they draw, when they act, and the affine transform that moves pixels.

Values for one choice of numbers are compared with Keras in test_layers_against_keras.py.
"""

from __future__ import annotations

import itertools
import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array, integers, normal
from pyconv import layers
from pyconv.gradient import Tape
from pyconv.ops.image import FILL_MODES, affine_transform

RANDOM = {
    "RandomBrightness": {"factor": 0.2},
    "RandomContrast": {"factor": 0.2},
    "RandomCrop": {"height": 4, "width": 3},
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.2},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": 0.2},
    "RandomZoom": {"height_factor": 0.3},
}
each = pytest.mark.parametrize("name", RANDOM)


def make(name: str, **kwargs: Any) -> layers.Layer:
    layer: layers.Layer = getattr(layers, name)(**RANDOM[name], **kwargs)
    return layer


@pytest.fixture
def images(rng: np.random.Generator) -> Array:
    return rng.uniform(0, 255, (8, 6, 5, 3)).astype(np.float32)


@each
def test_it_acts_unless_training_is_false(name: str, images: Array) -> None:
    """As in Keras: by itself and in a model, but neither in predict nor in evaluate."""
    pyconv.seed(1)  # two crops may be the same by chance
    layer = make(name)
    model = pyconv.Sequential([layers.Input((6, 5, 3)), layer])
    for call in (layer, model):
        assert (call(images) != call(images, training=False)).any()
        assert (call(images) != call(images)).any()
    np.testing.assert_array_equal(model.predict(images, verbose=0), layer(images, training=False))
    if name != "RandomCrop":
        np.testing.assert_array_equal(layer(images, training=False), images)


@each
def test_a_seed_says_what_is_drawn(name: str, images: Array, threads: int) -> None:
    first, again, other = (make(name, seed=seed) for seed in (7, 7, 8))
    results = [first(images) for _ in range(4)]
    for right in results:
        np.testing.assert_array_equal(again(images), right)
    assert any((other(images) != right).any() for right in results)
    pyconv.seed(3)
    drawn = make(name)(images)
    pyconv.seed(3)
    np.testing.assert_array_equal(make(name)(images), drawn)


@each
def test_channels_first_is_the_same_elsewhere(name: str, images: Array) -> None:
    first = make(name, seed=5, data_format="channels_first")(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    last = make(name, seed=5)(images)
    assert first.flags.c_contiguous
    np.testing.assert_allclose(first.transpose(0, 2, 3, 1), last, rtol=1e-5)  # means are summed in another order


@each
@pytest.mark.parametrize("kind", [np.uint8, np.float64])
def test_images_of_other_dtypes(name: str, kind: Any, images: Array) -> None:
    given = images.astype(kind)
    y = make(name, seed=1)(given)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, make(name, seed=1)(given.astype(np.float32)))


def test_images_of_a_batch_are_changed_independently() -> None:
    """Each flip has its chance of a half: of 4,000 images 1,000 +- 5 standard deviations of 27 for each kind."""
    corner = np.zeros((4000, 2, 2, 1), np.float32)
    corner[:, 0, 0] = 1
    counts = layers.RandomFlip(seed=1)(corner).sum(axis=(0, 3))
    assert (abs(counts - 1000) < 5 * math.sqrt(4000 / 4 * 3 / 4)).all()
    assert layers.RandomFlip("horizontal", seed=1)(corner)[:, 1].sum() == 0
    assert layers.RandomFlip("vertical", seed=1)(corner)[:, :, 1].sum() == 0


def test_numbers_are_drawn_from_the_range() -> None:
    """The smallest and largest of 2,000 come within a hundredth of the range's ends."""
    flat = np.full((2000, 1, 1, 1), 0.5)
    lighter = layers.RandomBrightness((-0.1, 0.3), value_range=(0, 1), seed=1)(flat) - 0.5
    assert -0.1 <= lighter.min() < -0.095
    assert 0.295 < lighter.max() <= 0.3 + 1e-6
    pair = np.broadcast_to(np.array([100.0, 120.0]).reshape(1, 1, 2, 1), (2000, 1, 2, 1))
    contrast = np.diff(layers.RandomContrast((0.2, 0.5), seed=1)(pair), axis=2) / 20
    assert 0.8 - 1e-6 <= contrast.min() < 0.81
    assert 1.49 < contrast.max() <= 1.5 + 1e-6
    contrast = np.diff(layers.RandomContrast(0.2, seed=1)(pair), axis=2) / 20
    assert 0.8 - 1e-6 <= contrast.min() < 0.81
    spot = np.zeros((2000, 1, 21, 1), np.float32)
    spot[:, :, 10] = 1
    moved = layers.RandomTranslation(0, 0.2, "constant", seed=1)(spot)
    centre = (moved * np.arange(21).reshape(1, 1, 21, 1)).sum(axis=(1, 2, 3)) - 10
    assert -4.2 - 1e-5 <= centre.min() < -4.1
    assert 4.1 < centre.max() <= 4.2 + 1e-5


def test_a_crop_is_a_window_at_every_place(rng: np.random.Generator) -> None:
    images = np.arange(20.0, dtype=np.float32).reshape(1, 4, 5, 1)
    layer = layers.RandomCrop(3, 3, seed=1)
    windows = {images[0, i : i + 3, j : j + 3].tobytes() for i in range(2) for j in range(3)}
    assert {layer(images).tobytes() for _ in range(200)} == windows
    np.testing.assert_array_equal(layers.RandomCrop(4, 5)(images), images)
    middle = layers.Resizing(3, 3, crop_to_aspect_ratio=True)(images)
    np.testing.assert_array_equal(layer(images, training=False), middle)


def test_of_a_small_image_the_largest_window_is_resized(rng: np.random.Generator) -> None:
    images = normal(rng, (2, 3, 8, 2))
    right = layers.Resizing(6, 6, crop_to_aspect_ratio=True)(images)
    for layer in (layers.CenterCrop(6, 6), layers.RandomCrop(6, 6)):
        np.testing.assert_array_equal(layer(images), right)


def sampled(image: Array, matrix: Array, interpolation: str, fill_mode: str, fill: float) -> Array:
    """The definition in plain loops; NumPy's padding says what lies outside."""
    height, width, _ = image.shape
    margin = 3 * max(height, width)
    modes = {"constant": "constant", "nearest": "edge", "wrap": "wrap", "reflect": "symmetric", "mirror": "reflect"}
    extra = {"constant_values": fill} if fill_mode == "constant" else {}
    padded = np.pad(image, ((margin, margin), (margin, margin), (0, 0)), modes[fill_mode], **extra)  # type: ignore[call-overload]
    y = np.empty_like(image)
    for row, column in itertools.product(range(height), range(width)):
        x0 = matrix[0] * column + matrix[1] * row + matrix[2] + margin
        y0 = matrix[3] * column + matrix[4] * row + matrix[5] + margin
        if interpolation == "nearest":
            y[row, column] = padded[round(y0), round(x0)]
            continue
        i, j = math.floor(y0), math.floor(x0)
        above, left = i + 1 - y0, j + 1 - x0
        y[row, column] = above * (left * padded[i, j] + (1 - left) * padded[i, j + 1])
        y[row, column] += (1 - above) * (left * padded[i + 1, j] + (1 - left) * padded[i + 1, j + 1])
    return y


# Halves, which go to the even pixel, only where they are exact.
MATRICES = np.array(
    [
        [1.0, 0, 0, 0, 1, 0],
        [0.8, -0.6, 1.31, 0.6, 0.8, -2.13],
        [-1, 0, 3.5, 0, 1.7, -3],
        [0.3, 0.9, -4.23, 1.1, 0.2, 5.37],
    ]
)


@pytest.mark.parametrize("fill_mode", FILL_MODES)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_affine_transform_against_its_definition(
    interpolation: str, fill_mode: str, rng: np.random.Generator, keras: ModuleType, torch: ModuleType
) -> None:
    images = normal(rng, (4, 5, 6, 2), np.float64)
    transforms = np.pad(MATRICES, ((0, 0), (0, 2)))
    y = affine_transform(images, transforms, interpolation, fill_mode, 0.5)
    right = [sampled(x, m, interpolation, fill_mode, 0.5) for x, m in zip(images, MATRICES, strict=True)]
    np.testing.assert_allclose(y, right, rtol=1e-12, atol=1e-12)  # float64, two products
    theirs = keras.ops.image.affine_transform(
        torch.tensor(images), torch.tensor(transforms), interpolation, fill_mode, 0.5
    )
    np.testing.assert_allclose(y, theirs.numpy(), rtol=1e-12, atol=1e-12)
    alike = affine_transform(images[:2], transforms[1], interpolation, fill_mode, 0.5)
    np.testing.assert_allclose(alike[1], right[1], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("fill_mode", FILL_MODES)
def test_affine_transform_is_linear_and_its_gradient_the_transpose(fill_mode: str, rng: np.random.Generator) -> None:
    """<dy, T x> = <T' dy, x> for whole numbers and weights of quarters: exactly."""
    images = integers(rng, (2, 4, 4, 1)).astype(np.float64)
    matrix = [0.5, -0.25, 1.25, 1, 0.5, -1.5, 0, 0]
    with Tape([images]) as tape:
        y = affine_transform(images, matrix, "bilinear", fill_mode)
    upstream = integers(rng, y.shape).astype(np.float64)
    (gradient,) = tape.gradient(y, upstream)
    assert (upstream * y).sum() == (gradient * images).sum()


@pytest.mark.parametrize("name", sorted(RANDOM.keys() - {"RandomCrop"}))
def test_gradients_go_through(name: str, rng: np.random.Generator) -> None:
    """Along a direction, against a difference quotient; the layers are linear where nothing is clipped."""
    x = rng.uniform(100, 150, (3, 5, 4, 2))
    direction = normal(rng, x.shape, np.float64)
    layer = make(name, seed=1, dtype="float64")
    with Tape([x]) as tape:
        y = layer(x)
    (gradient,) = tape.gradient(y, direction_of := normal(rng, y.shape, np.float64))
    moved = make(name, seed=1, dtype="float64")(x + direction)
    assert (direction_of * (moved - y)).sum() == pytest.approx((gradient * direction).sum(), rel=1e-9)


IMAGE = np.zeros((1, 2, 2, 1))
BAD: dict[str, tuple[Any, str]] = {
    "mode": (lambda: layers.RandomFlip("sideways"), r"RandomFlip: mode must be one of horizontal, .*'sideways'"),
    "rotation": (lambda: layers.RandomRotation(1.5), r"RandomRotation: .*factor.*between -1 and 1.*1\.5"),
    "three": (lambda: layers.RandomRotation((0, 0, 1)), "RandomRotation: factor must hold two numbers"),
    "zoom": (lambda: layers.RandomZoom(0.1, (-1, 0)), "RandomZoom: .*width_factor.*between"),
    "fill": (lambda: layers.RandomZoom(0.1, fill_mode="mirror"), r"RandomZoom: fill_mode must be one of reflect.*'mir"),
    "cubic": (lambda: layers.RandomZoom(0.1, interpolation="cubic"), "RandomZoom: interpolation must be one of"),
    "contrast": (lambda: layers.RandomContrast(-0.1), r"RandomContrast: .*factor.*between 0 and 1"),
    "range": (
        lambda: layers.RandomBrightness(0.1, value_range=3),
        "RandomBrightness: value_range must hold two numbers",
    ),
    "seed": (lambda: layers.RandomFlip(seed=-1), "RandomFlip: seed must not be negative"),
    "size": (lambda: layers.CenterCrop(0, 2), "CenterCrop: .*height. should be a positive integer"),
    "empty": (lambda: layers.RandomCrop(2, 2)(np.zeros((1, 0, 3, 1))), "RandomCrop: inputs must have at least one row"),
    "rank": (lambda: layers.RandomFlip()(np.zeros((5, 5, 3))), "RandomFlip: .*expected ndim=4"),
    "perspective": (lambda: affine_transform(IMAGE, [1, 0, 0, 0, 1, 0, 0.1, 0]), "with zeros at the end"),
    "transforms": (lambda: affine_transform(IMAGE, np.zeros((2, 8))), r"must have the shape \(8,\) or \(1, 8\)"),
    "axes": (lambda: affine_transform(IMAGE[0], np.zeros(8)), "affine_transform: images must have 4 axes"),
    "words": (lambda: affine_transform(IMAGE, np.zeros(8), "cubic"), "affine_transform: interpolation must be"),
}


@pytest.mark.parametrize(("call", "message"), BAD.values(), ids=BAD)
def test_bad_arguments(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_words_for_numbers() -> None:
    with pytest.raises(TypeError, match=r"RandomZoom: height_factor must be a number.*'near'"):
        layers.RandomZoom("near")
