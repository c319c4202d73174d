"""predict_tiled: equal to the whole image, whatever the model, within bounded memory; refusals; receptive fields."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pyconv
from pyconv import layers, ops
from pyconv.tiling.reach import of_interpolation, of_transposed

IMAGE = (None, None, 3)


@pytest.fixture
def strict() -> Iterator[None]:
    """Plain sums: tiled results are the same bits."""
    before = pyconv.get_precision()
    pyconv.set_precision("strict")
    yield
    pyconv.set_precision(before)


def u_net(depth: int, up: str, padding: str = "same") -> pyconv.Model:
    x = pyconv.Input(IMAGE)
    y, skips = x, []
    for level in range(depth):
        y = layers.Conv2D(4 << level, 3, padding=padding, activation="relu")(y)
        skips.append(layers.BatchNormalization()(y))
        y = layers.MaxPooling2D()(skips[-1])
    y = layers.Conv2D(4 << depth, 3, padding=padding, dilation_rate=2)(y)
    for level in reversed(range(depth)):
        if up == "transposed":
            y = layers.Conv2DTranspose(4 << level, 3, 2, "same")(y)
        else:
            y = layers.UpSampling2D(2, interpolation=up)(y)
        y = layers.Concatenate()([skips[level], y])
        y = layers.SeparableConv2D(4 << level, 3, padding=padding)(y) * 0.5
    return pyconv.Model(x, layers.Conv2D(2, 1, activation="softmax")(y))


def valid_net() -> pyconv.Model:
    """Without padding: a result smaller than the image, and a way that is cropped to it."""
    x = pyconv.Input(IMAGE)
    y = layers.Conv2D(5, 3)(layers.Conv2D(4, (5, 4), dilation_rate=(1, 2))(x))
    return pyconv.Model(x, ops.concatenate([layers.Cropping2D(((3, 3), (4, 4)))(x), y], axis=-1))


def strided_net() -> pyconv.Model:
    """Strides of two and three that don't meet, asymmetric padding, a nested model, a shared layer."""
    inner = pyconv.Sequential([pyconv.Input((None, None, 4)), layers.AveragePooling2D(3, 2, "same"), layers.ReLU()])
    x = pyconv.Input(IMAGE)
    shared = layers.DepthwiseConv2D(3, padding="same")
    y = shared(shared(layers.Conv2D(16, 1)(x)))  # fewer channels than a vector are summed as their places have it
    y = layers.Conv2D(4, 5, strides=(3, 2), padding="same")(layers.ZeroPadding2D(((1, 2), (0, 3)))(y))
    return pyconv.Model(x, layers.PReLU("ones", shared_axes=(1, 2))(inner(y)))


def cropped_before_padding() -> pyconv.Model:
    """What "same" pads with zeros here lies within the image: no tile may pad there."""
    return pyconv.Sequential(
        [pyconv.Input(IMAGE), layers.Cropping2D(5), layers.Conv2D(3, 5, padding="same"), layers.Cropping2D(1)]
    )


def transposed_net() -> pyconv.Model:
    return pyconv.Sequential(
        [
            pyconv.Input(IMAGE),
            layers.Conv2DTranspose(3, 5, 3, dilation_rate=1),
            layers.Conv2D(4, 3, strides=2, padding="same"),
            layers.LayerNormalization(),
            layers.Dense(2),
        ]
    )


MODELS: dict[str, Callable[[], pyconv.Model]] = {
    "U-Net, transposed": lambda: u_net(2, "transposed"),
    "U-Net, nearest": lambda: u_net(2, "nearest"),
    "U-Net, bilinear": lambda: u_net(2, "bilinear"),
    "U-Net, bicubic": lambda: u_net(1, "bicubic"),
    "valid": valid_net,
    "strided": strided_net,
    "cropped": cropped_before_padding,
    "transposed": transposed_net,
}
# Sizes that the U-Nets' strides divide; the others take any.
SIZES = {"U-Net": ((96, 120), (128, 88)), "": ((97, 121), (83, 64))}


@pytest.mark.parametrize("name", MODELS)
def test_tiles_give_the_whole_to_the_last_bit(name: str, strict: None, rng: np.random.Generator) -> None:
    model = MODELS[name]()
    for size in SIZES["U-Net" if name.startswith("U-Net") else ""]:
        images = rng.standard_normal((2, *size, 3)).astype(np.float32)
        whole = model(images)
        for tile in (64, (72, 56)):
            np.testing.assert_array_equal(pyconv.predict_tiled(model, images, tile, batch_size=2), whole)


def test_with_winograd_to_rounding(rng: np.random.Generator) -> None:
    model = u_net(2, "transposed")
    images = rng.standard_normal((1, 104, 96, 3)).astype(np.float32)
    whole = model(images)
    tiled = pyconv.predict_tiled(model, images, 64)
    assert np.abs(tiled - whole).max() <= 1e-6 * np.abs(whole).max()


@settings(max_examples=40)
@given(data=st.data())
def test_one_axis_of_any_layers(data: st.DataObject) -> None:
    """Chains drawn at random: what they give for a whole signal and for tiles as small as they may be, to rounding."""
    kinds: list[Callable[[], layers.Layer]] = [
        lambda: layers.Conv1D(
            2,
            data.draw(st.integers(1, 4)),
            strides=data.draw(st.integers(1, 3)),
            padding=data.draw(st.sampled_from(("same", "valid", "causal"))),
        ),
        lambda: layers.Conv1D(2, 3, padding="same", dilation_rate=data.draw(st.integers(1, 3))),
        lambda: layers.Conv1DTranspose(
            2, data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3)), data.draw(st.sampled_from(("same", "valid")))
        ),
        lambda: layers.MaxPooling1D(data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2)), "same"),
        lambda: layers.UpSampling1D(data.draw(st.integers(1, 3))),
        lambda: layers.ZeroPadding1D((data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3)))),
        lambda: layers.Cropping1D((data.draw(st.integers(0, 2)), data.draw(st.integers(0, 2)))),
    ]
    chain = [data.draw(st.sampled_from(kinds))() for _ in range(data.draw(st.integers(1, 4)))]
    model = pyconv.Sequential([pyconv.Input((None, 2)), *chain])
    size, tile = data.draw(st.integers(60, 130)), data.draw(st.integers(8, 60))
    x = np.random.default_rng(size).standard_normal((1, size, 2)).astype(np.float32)
    whole = model(x)
    try:
        tiled = pyconv.predict_tiled(model, x, tile)
    except ValueError as error:
        if "tile must be larger" not in str(error):
            raise
    else:
        np.testing.assert_allclose(tiled, whole, rtol=1e-5, atol=1e-5)


def test_results_between_those_of_a_transposed_window(strict: None, rng: np.random.Generator) -> None:
    """Every second one reads nothing, wherever it lies: it says nothing of its neighbours."""
    same = {"padding": "same"}
    parts = [layers.Conv1D(2, 3, **same), layers.Conv1D(2, 3, **same), layers.Conv1DTranspose(2, 1, 2, **same)]
    model = sequence(*parts, layers.ZeroPadding1D((0, 1)), shape=(None, 2))
    x = rng.standard_normal((1, 60, 2)).astype(np.float32)
    np.testing.assert_array_equal(pyconv.predict_tiled(model, x, 8), model(x))
    assert pyconv.receptive_field(model)[0][:2] == (5, Fraction(1, 2))


def test_channels_first_and_volumes(strict: None, rng: np.random.Generator) -> None:
    model = pyconv.Sequential(
        [
            pyconv.Input((2, None, None, None)),
            layers.Conv3D(3, 3, padding="same", data_format="channels_first"),
            layers.MaxPooling3D(2, data_format="channels_first"),
        ]
    )
    x = rng.standard_normal((1, 2, 20, 18, 22)).astype(np.float32)
    np.testing.assert_array_equal(pyconv.predict_tiled(model, x, (10, 12, 22)), model(x))


def test_files_in_and_out_and_little_memory(tmp_path: Path) -> None:
    """16 MB of image and 16 MB of result, through tiles of 128 x 128: less than 3 MB is ever there."""
    x = np.memmap(tmp_path / "x", np.float32, "w+", shape=(1, 2048, 2048, 1))
    x[:, ::3] = 1
    out = np.memmap(tmp_path / "y", np.float32, "w+", shape=x.shape)
    model = pyconv.Sequential([pyconv.Input((None, None, 1)), layers.Conv2D(4, 3, padding="same"), layers.Conv2D(1, 1)])
    pyconv.release_workspaces()
    tracemalloc.start()
    try:
        assert pyconv.predict_tiled(model, x, 128, out=out) is out
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3e6
    np.testing.assert_allclose(out[:, 1000:1040], model(x[:, 990:1050])[:, 10:50], atol=1e-6)  # rounding
    np.testing.assert_allclose(out[:, :9], model(x[:, :20])[:, :9], atol=1e-6)


def test_a_progress_bar(capsys: pytest.CaptureFixture[str]) -> None:
    model = pyconv.Sequential([pyconv.Input((None, None, 1)), layers.Conv2D(1, 3)])
    x = np.zeros((1, 20, 20, 1), np.float32)
    pyconv.predict_tiled(model, x, 12)
    assert capsys.readouterr().err == ""
    pyconv.predict_tiled(model, x, 12, verbose=1)
    assert "/4" in capsys.readouterr().err


def sequence(*parts: Any, shape: tuple[int | None, ...] = IMAGE) -> pyconv.Model:
    return pyconv.Sequential([pyconv.Input(shape), *parts])


class Own(layers.Layer):
    def call(self, x: Any) -> Any:
        return x

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda: layers.GlobalAveragePooling2D(keepdims=True, name="guilty"), "guilty.*GlobalAveragePooling2D"),
        (lambda: layers.GroupNormalization(1, name="guilty"), "guilty.*GroupNormalization"),
        (lambda: layers.Softmax((1, 2), name="guilty"), r"guilty.*Softmax.*\(1, 2\)"),
        (lambda: layers.Resizing(20, 20, name="guilty"), "guilty.*Resizing"),
        (lambda: layers.AdaptiveMaxPooling2D(4, name="guilty"), "guilty.*AdaptiveMaxPooling2D"),
        (lambda: Own(name="guilty"), "guilty.*Own"),
    ],
)
def test_what_is_not_fully_convolutional_is_named(layer: Callable[[], layers.Layer], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pyconv.predict_tiled(sequence(layer()), np.zeros((1, 64, 64, 3)), 32)


def test_operations_that_are_not() -> None:
    x = pyconv.Input((None, None, 3))
    for y in (ops.sum(x, axis=3, keepdims=True), ops.softmax(x, axis=1)):
        with pytest.raises(ValueError, match="isn't fully convolutional: layer '"):
            pyconv.predict_tiled(pyconv.Model(x, y), np.zeros((1, 64, 64, 3)), 32)


def test_arguments() -> None:
    model, image = sequence(layers.Conv2D(2, 9)), np.zeros((1, 64, 64, 3), np.float32)
    with pytest.raises(ValueError, match=r"tile must be larger.*tile=8"):
        pyconv.predict_tiled(model, image, 8)
    with pytest.raises(TypeError, match=r"predict_tiled: .*tile"):
        pyconv.predict_tiled(model, image, 8.5)
    with pytest.raises(ValueError, match="predict_tiled: x must have 4 axes"):
        pyconv.predict_tiled(model, image[0], 32)
    with pytest.raises(ValueError, match=r"predict_tiled: out must be.*\(1, 56, 56, 2\)"):
        pyconv.predict_tiled(model, image, 32, out=image)
    same = sequence(layers.ReLU())
    with pytest.raises(ValueError, match="predict_tiled: out must not share memory"):
        pyconv.predict_tiled(same, image, 32, out=image)
    with pytest.raises(ValueError, match="unknown sizes"):
        pyconv.predict_tiled(sequence(layers.Conv2D(2, 3), shape=(64, 64, 3)), image, 32)
    with pytest.raises(TypeError, match="predict_tiled: model must be"):
        pyconv.predict_tiled(layers.Conv2D(2, 3), image, 32)
    x = pyconv.Input(IMAGE)
    with pytest.raises(ValueError, match="one input and one output"):
        pyconv.predict_tiled(pyconv.Model(x, [x, x * 2]), image, 32)
    assert pyconv.predict_tiled(model, image[:0], 32).shape == (0, 56, 56, 2)


def field(*parts: layers.Layer) -> tuple[Any, ...]:
    return tuple(pyconv.receptive_field(sequence(*parts, shape=(None, 3)))[0])


def test_receptive_fields() -> None:
    assert field(layers.Conv1D(2, 3), layers.Conv1D(2, 3)) == (5, 1, 0)
    assert field(layers.Conv1D(2, 3, padding="same", dilation_rate=2)) == (5, 1, -2)
    assert field(layers.Conv1D(2, 3, padding="causal")) == (3, 1, -2)
    assert field(layers.MaxPooling1D(2), layers.Conv1D(2, 3)) == (6, 2, 0)
    assert field(layers.Conv1D(2, 3, 2), layers.Conv1D(2, 3, 2), layers.Conv1D(2, 3, 2)) == (15, 8, 0)
    assert field(layers.UpSampling1D(2)) == (2, Fraction(1, 2), Fraction(-1, 2))
    with pytest.raises(ValueError, match=r"receptive_field: .*GlobalMaxPooling1D"):
        field(layers.GlobalMaxPooling1D(keepdims=True))


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 3), st.integers(0, 20))
def test_the_reach_of_transposed_windows(span: int, stride: int, cropped: int, j: int) -> None:
    readers = [i for i in range(-30, 31) if 0 <= j + cropped - i * stride < span]
    low, high = of_transposed(span, stride, cropped).of(j, j)
    assert readers == list(range(low, high + 1))


@given(st.integers(1, 5), st.integers(1, 3), st.integers(0, 30))
def test_the_reach_of_interpolations(times: int, radius: int, j: int) -> None:
    centre = (j + Fraction(1, 2)) / times - Fraction(1, 2)
    low = centre.__floor__() + 1 - radius
    assert of_interpolation(times, radius).of(j, j) == (low, low + 2 * radius - 1)
