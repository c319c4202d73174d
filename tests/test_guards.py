"""The guards themselves: a write beyond an array, by one element on either side, must not pass."""

from __future__ import annotations

import numpy as np
import pytest

from guards import Guarded, blank


@pytest.mark.parametrize("offset", [-1, 6, 40])
def test_a_write_beyond_the_array_is_noticed(offset: int) -> None:
    guarded = Guarded(np.arange(6, dtype=np.float32).reshape(2, 3))
    guarded.check()
    np.testing.assert_array_equal(guarded.array, [[0, 1, 2], [3, 4, 5]])
    start = (guarded.array.ctypes.data - guarded.array.base.ctypes.data) // 4
    guarded.array.base[start + offset] = 0
    with pytest.raises(AssertionError, match="beyond"):
        guarded.check()


def test_an_output_that_is_not_written_is_noticed() -> None:
    assert np.isnan(blank((2, 3), np.float64).array).all()
