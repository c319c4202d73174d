"""_core.transpose, by itself: every shape of tile and edge, under every instruction set."""

from __future__ import annotations

import numpy as np
import pytest

from arrays import Array, normal
from guards import Guarded, blank
from pyconv import _core
from pyconv.gradient import Tape
from pyconv.ops import shapes

# Smaller than a tile of any instruction set, whole tiles, tiles and edges, and several blocks with a part of one.
SIZES = [(1, 1), (3, 200), (200, 3), (16, 16), (32, 64), (17, 33), (70, 70), (65, 130), (130, 65), (8, 300), (0, 5)]


def transposed(x: Array) -> Array:
    src, dst = Guarded(x), blank((x.shape[0], x.shape[2], x.shape[1]), x.dtype)
    _core.transpose(src.array, dst.array)
    src.check()
    dst.check()
    return dst.array


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_become_columns(size: tuple[int, int], dtype: str, isa: str, threads: int) -> None:
    x = np.arange(3 * size[0] * size[1], dtype=dtype).reshape(3, *size)
    np.testing.assert_array_equal(transposed(x), x.transpose(0, 2, 1))


def test_large_enough_for_threads(isa: str, threads: int, rng: np.random.Generator) -> None:
    x = normal(rng, (2, 260, 301))
    np.testing.assert_array_equal(transposed(x), x.transpose(0, 2, 1))


def test_bits_stay_as_they_are() -> None:
    bits = np.random.default_rng(3).integers(0, 2**32, (1, 20, 20), dtype=np.uint64).astype(np.uint32)
    result = transposed(bits.view(np.float32))  # signalling NaNs, subnormals, everything
    np.testing.assert_array_equal(result.view(np.uint32), bits.transpose(0, 2, 1))


def test_bad_arrays() -> None:
    x, y = np.zeros((1, 2, 3), np.float32), np.zeros((1, 3, 2), np.float32)
    _core.transpose(x, y)
    for src, dst in ((x[0], y), (x, x), (x, y.astype(np.float64)), (x[:, :, ::2], y[:, :2]), (x.astype(np.int32), y)):
        with pytest.raises((ValueError, TypeError)):
            _core.transpose(src, dst)


@pytest.mark.parametrize("spatial", [(5,), (4, 3), (2, 3, 4)])
def test_channels_change_places_and_gradients_return(spatial: tuple[int, ...], rng: np.random.Generator) -> None:
    x = normal(rng, (2, 7, *spatial))
    with Tape([x]) as tape:
        last = shapes.channels_last(x)
    np.testing.assert_array_equal(last, np.moveaxis(x, 1, -1))
    np.testing.assert_array_equal(shapes.channels_first(last), x)
    np.testing.assert_array_equal(shapes.channels_last(np.asfortranarray(x)), last)
    upstream = normal(rng, last.shape)
    np.testing.assert_array_equal(tape.gradient(last, upstream)[0], np.moveaxis(upstream, -1, 1))
