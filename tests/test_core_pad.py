"""The core's pad: np.pad with a constant, in up to eight dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guards import Guarded, blank
from pyconv import _core

AXES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4)


@given(axes=AXES, value=st.sampled_from([0.0, -1.5, np.inf, np.nan]), dtype=st.sampled_from(["float32", "float64"]))
def test_equals_numpy(axes: list[tuple[int, int, int]], value: float, dtype: str) -> None:
    shape, before, after = (tuple(column) for column in zip(*axes, strict=True))
    src = Guarded(np.arange(np.prod(shape), dtype=dtype).reshape(shape))
    dst = blank(tuple(map(sum, axes)), dtype)
    _core.pad(src.array, before, after, value, dst.array)
    expected = np.pad(src.array, list(zip(before, after, strict=True)), constant_values=value)
    np.testing.assert_array_equal(dst.array, expected)
    src.check()
    dst.check()


def test_eight_dimensions() -> None:
    src, dst = np.ones((1,) * 8, np.float32), np.zeros((3,) * 8, np.float32)
    _core.pad(src, [1] * 8, [1] * 8, 2.0, dst)
    assert dst[(1,) * 8] == 1.0
    assert (dst == 2.0).sum() == 3**8 - 1


@pytest.mark.parametrize(
    ("before", "after", "dst_shape"),
    [
        ([1], [0, 0], (3, 2)),
        ([1, 0], [0, 0], (2, 2)),
        ([-1, 0], [0, 0], (1, 2)),
        ([2**62, 0], [2**62, 0], (2, 2)),
        ([1, 0], [0, 0], (3,)),
    ],
)
def test_bad_amounts(before: list[int], after: list[int], dst_shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"pad|dst must have shape"):
        _core.pad(np.zeros((2, 2), np.float32), before, after, 0.0, np.zeros(dst_shape, np.float32))


@pytest.mark.parametrize("dst", [np.zeros((3, 2)), np.zeros((2, 3), np.float32).T, None, [[0.0]]])
def test_bad_output(dst: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        _core.pad(np.zeros((2, 2), np.float32), [1, 0], [0, 0], 0.0, dst)
