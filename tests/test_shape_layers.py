"""Pooling, padding, cropping, upsampling and reshaping layers against NumPy: every rank, both data formats."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import reference
from arrays import Array, integers, normal
from pyconv import layers, ops
from pyconv.ops.resampling import resample

SIZES = {1: (11,), 2: (9, 8), 3: (5, 7, 6)}
ranks = pytest.mark.parametrize("rank", [1, 2, 3])
both_formats = pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
kinds = pytest.mark.parametrize("kind", ["Max", "Average"])


def images(rank: int, dtype: Any = np.float32) -> Array:
    return integers(np.random.default_rng(50), (2, *SIZES[rank], 3), dtype)


def run(layer: layers.Layer, x: Array, data_format: str) -> Array:
    """The layer's result for images channels last, channels last."""
    if data_format == "channels_last":
        return layer(x)
    y = layer(np.ascontiguousarray(np.moveaxis(x, -1, 1)))
    return np.moveaxis(y, 1, -1)


@ranks
@both_formats
@kinds
@pytest.mark.parametrize("padding", ["valid", "SAME"])
def test_pooling(rank: int, data_format: str, kind: str, padding: str) -> None:
    window, strides = (3, 2, 4)[:rank], (2, 1, 3)[:rank]
    layer = getattr(layers, f"{kind}Pooling{rank}D")(window, strides, padding, data_format, dtype="float64")
    x = images(rank, np.float64)
    pads = [(0, 0)] * rank
    if padding == "SAME":
        pads = list(reference.same_pads(SIZES[rank], window, strides, (1,) * rank))
    right = (reference.max_pool if kind == "Max" else reference.average_pool)(x, window, strides, pads)
    np.testing.assert_allclose(run(layer, x, data_format), right, rtol=1e-15)


@ranks
@both_formats
@kinds
def test_global_pooling(rank: int, data_format: str, kind: str) -> None:
    x = images(rank, np.float64)
    for keepdims in (False, True):
        layer = getattr(layers, f"Global{kind}Pooling{rank}D")(data_format, keepdims, dtype="float64")
        right = (np.max if kind == "Max" else np.mean)(x, axis=tuple(range(1, rank + 1)), keepdims=keepdims)
        y = (
            run(layer, x, data_format)
            if keepdims
            else layer(x if data_format == "channels_last" else np.moveaxis(x, -1, 1))
        )
        np.testing.assert_allclose(y, right, rtol=1e-15)


@ranks
@both_formats
@kinds
@pytest.mark.parametrize("wanted", [(1, 1, 1), (3, 4, 2), (4, 8, 7), (12, 3, 3)])
def test_adaptive_pooling(rank: int, data_format: str, kind: str, wanted: tuple[int, ...]) -> None:
    """Box by box, from the definition. Also more windows than elements, which then overlap."""
    wanted = wanted[:rank]
    x = images(rank, np.float64)
    y = run(getattr(layers, f"Adaptive{kind}Pooling{rank}D")(wanted, data_format, dtype="float64"), x, data_format)
    assert y.shape == (2, *wanted, 3)
    reduce = np.max if kind == "Max" else np.mean
    for place in product(*(range(o) for o in wanted)):
        spans = zip(place, SIZES[rank], wanted, strict=True)
        box = tuple(slice(i * n // o, -(-(i + 1) * n // o)) for i, n, o in spans)
        right = reduce(x[(slice(None), *box)], axis=tuple(range(1, rank + 1)))
        np.testing.assert_allclose(y[(slice(None), *place)], right, rtol=1e-14, atol=1e-14)


def test_nan_goes_through_every_pool_and_no_further() -> None:
    x = np.zeros((1, 7, 5, 1))
    x[0, 3, 2] = np.nan
    for layer in (layers.MaxPooling2D(2, 1), layers.AveragePooling2D(2, 1)):
        assert np.isnan(layer(x)).sum() == 4
    for layer in (layers.GlobalMaxPooling2D(), layers.GlobalAveragePooling2D()):
        assert np.isnan(layer(x)).all()
    for layer in (layers.AdaptiveMaxPooling2D((2, 5)), layers.AdaptiveAveragePooling2D((2, 5))):
        assert np.isnan(layer(x)).sum() == 2, "row 3 is in both windows, column 2 in one"
    assert np.isnan(layers.UpSampling2D(2, interpolation="bilinear")(x)).sum() == 16


@ranks
@both_formats
def test_padding_and_cropping(rank: int, data_format: str) -> None:
    pairs = ((1, 2), (0, 1), (2, 0))[:rank]
    given = pairs[0] if rank == 1 else pairs
    x = images(rank)
    layer = getattr(layers, f"ZeroPadding{rank}D")(given, data_format)
    padded = run(layer, x, data_format)
    np.testing.assert_array_equal(padded, np.pad(x, [(0, 0), *pairs, (0, 0)]))
    if rank > 1 or data_format == "channels_last":
        arguments = {} if rank == 1 else {"data_format": data_format}
        np.testing.assert_array_equal(
            run(getattr(layers, f"Cropping{rank}D")(given, **arguments), padded, data_format), x
        )


@ranks
@both_formats
def test_up_sampling(rank: int, data_format: str) -> None:
    times = (2, 3, 1)[:rank]
    if rank == 1 and data_format == "channels_first":
        return  # as in Keras
    arguments = {} if rank == 1 else {"data_format": data_format}
    layer = getattr(layers, f"UpSampling{rank}D")(times[0] if rank == 1 else times, **arguments)
    x = images(rank)
    right = x
    for axis, factor in enumerate(times, 1):
        right = right.repeat(factor, axis)
    np.testing.assert_array_equal(run(layer, x, data_format), right)


@pytest.mark.parametrize("size", [1, 3, 7, 12, 21])
def test_linear_resampling_is_numpys(size: int) -> None:
    """Beyond the outermost centres np.interp repeats the border, as we do."""
    x = normal(np.random.default_rng(51), (7,), np.float64)
    centres = (np.arange(size) + 0.5) * 7 / size - 0.5
    np.testing.assert_allclose(
        resample(x, 0, size, "bilinear"), np.interp(centres, np.arange(7), x), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest-exact"])
@pytest.mark.parametrize("size", [(3, 4), (10, 9), (5, 12)])
def test_resampling_against_torch(interpolation: str, size: tuple[int, int], torch: ModuleType) -> None:
    x = normal(np.random.default_rng(52), (2, 3, 5, 6), np.float64)
    right = torch.nn.functional.interpolate(torch.tensor(x), size, mode=interpolation).numpy()
    word = interpolation.removesuffix("-exact")
    np.testing.assert_allclose(resample(resample(x, 2, size[0], word), 3, size[1], word), right, rtol=1e-10, atol=1e-12)


def test_cubic_resampling_keeps_lines_straight() -> None:
    """Keys' kernel reproduces polynomials up to the second degree away from the border."""
    x = np.arange(9.0) ** 2 - 3 * np.arange(9.0)
    centres = (np.arange(27) + 0.5) / 3 - 0.5
    np.testing.assert_allclose(
        resample(x, 0, 27, "bicubic")[6:-6], (centres**2 - 3 * centres)[6:-6], rtol=1e-10, atol=1e-10
    )


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: layers.MaxPooling1D(0), ValueError, "MaxPooling1D: .*pool_size.*0"),
        (lambda: layers.MaxPooling3D(2, 0), ValueError, "MaxPooling3D: .*strides.*0"),
        (lambda: layers.MaxPooling1D(2, padding="full"), ValueError, "MaxPooling1D: .*padding.*full"),
        (lambda: layers.AveragePooling1D(True), TypeError, "AveragePooling1D: .*pool_size.*True"),
        (lambda: layers.MaxPooling1D(4)(np.zeros((1, 3, 1))), ValueError, "MaxPooling1D: .*empty.*size=3, window=4"),
        (lambda: layers.AdaptiveMaxPooling2D(0), ValueError, "AdaptiveMaxPooling2D: .*output_size.*0"),
        (lambda: layers.AdaptiveMaxPooling2D((1, 2, 3)), ValueError, "AdaptiveMaxPooling2D: .*output_size.*2"),
        (lambda: layers.AdaptiveMaxPooling1D(1.5), TypeError, "AdaptiveMaxPooling1D: .*output_size.*1.5"),
        (lambda: layers.AdaptiveMaxPooling1D(1)(np.zeros((1, 0, 2))), ValueError, r"adaptive_max_pool: .*\(1, 0, 2\)"),
        (lambda: layers.GlobalMaxPooling1D()(np.zeros((1, 0, 2))), ValueError, r"GlobalMaxPooling1D: .*\(1, 0, 2\)"),
        (lambda: layers.ZeroPadding1D((1, 2, 3)), ValueError, "ZeroPadding1D: .*padding"),
        (lambda: layers.ZeroPadding3D("same"), TypeError, "ZeroPadding3D: .*padding.*same"),
        (lambda: layers.ZeroPadding3D(1.5), TypeError, "ZeroPadding3D: .*padding.*1.5"),
        (lambda: layers.Cropping2D(-1), ValueError, "Cropping2D: .*cropping.*-1"),
        (lambda: layers.Cropping2D(2)(np.zeros((1, 4, 8, 1))), ValueError, r"Cropping2D: .*cropping.*4, 8, 1\)"),
        (lambda: layers.Cropping1D(2).build((None, 3, 1)), ValueError, "Cropping1D: .*cropping"),
        (lambda: layers.Cropping1D(data_format="channels_first"), ValueError, "Cropping1D: Unrecognized.*data_format"),
        (lambda: layers.UpSampling2D(0), ValueError, "UpSampling2D: .*size.*0"),
        (lambda: layers.UpSampling2D(interpolation="spline"), ValueError, "UpSampling2D: interpolation.*spline"),
        (lambda: layers.UpSampling1D((2, 2)), TypeError, "UpSampling1D: .*size"),
        (lambda: layers.Reshape((-1, -1)), ValueError, "Reshape: .*-1"),
        (lambda: layers.Reshape((2.0, 3)), TypeError, "Reshape: .*target_shape.*2.0"),
        (lambda: layers.Reshape((5,))(np.zeros((2, 6))), ValueError, r"Reshape: target_shape.*6.*\(2, 6\)"),
        (lambda: layers.Reshape((4, -1))(np.zeros((2, 6))), ValueError, r"Reshape: target_shape.*6.*\(2, 6\)"),
        (lambda: layers.Permute((1, 3)), ValueError, r"Permute: .*dims.*\(1, 3\)"),
        (lambda: layers.Permute((1, 2))(np.zeros((2, 6))), ValueError, r"Permute: inputs.*\(2, 6\)"),
        (lambda: layers.RepeatVector(0), ValueError, "RepeatVector: .*n.*0"),
        (lambda: layers.RepeatVector(2)(np.zeros((2, 3, 4))), ValueError, r"RepeatVector: inputs.*\(2, 3, 4\)"),
        (lambda: ops.repeat(np.zeros(3), -1), ValueError, "repeat: repeats.*-1"),
        (lambda: ops.squeeze(np.zeros((2, 1)), 0), ValueError, r"squeeze: axis.*\(2, 1\)"),
        (lambda: ops.expand_dims(np.zeros(2), 3), ValueError, "expand_dims: .*axis.*3"),
        (lambda: ops.concatenate([]), ValueError, "concatenate: xs"),
        (lambda: ops.concatenate([np.zeros((2, 3)), np.zeros((3, 3))], 1), ValueError, r"concatenate: .*\(3, 3\)"),
        (lambda: ops.concatenate([np.zeros((2, 3)), np.zeros(3)]), ValueError, r"concatenate: .*\(3,\)"),
    ],
)
def test_bad_arguments(call: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"^{words}"):
        call()


def test_reshape_with_unknown_sizes() -> None:
    layer = layers.Reshape((3, -1))
    assert layer.compute_output_shape((None, None, 6)) == (None, 3, None)
    assert layer.compute_output_shape((None, 4, 6)) == (None, 3, 8)
    assert layer(np.zeros((0, 4, 6))).shape == (0, 3, 8)
