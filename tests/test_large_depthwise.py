"""Depthwise convolution of maps that no cache holds, which bands of lines bring in, against the same image by image."""

from __future__ import annotations

import numpy as np
import pytest

from arrays import Array, normal, relative_error
from pyconv import ops
from pyconv.gradient import Tape


@pytest.mark.parametrize("strides", [1, 2])
def test_bands_change_no_bit(strides: int) -> None:
    generator = np.random.default_rng(1)
    x = normal(generator, (5, 96, 100, 80), "float32")  # 15 MB, with the results more than 16 MiB
    kernel = normal(generator, (3, 3, 80, 1), "float32")

    def run(images: Array) -> tuple[Array, list[Array]]:
        with Tape([images, kernel]) as tape:
            y = ops.depthwise_conv(images, kernel, strides, "same")
        return y, tape.gradient(y, y)

    y, (dx, dw) = run(x)
    apart = [run(np.ascontiguousarray(image[None])) for image in x]
    np.testing.assert_array_equal(y, np.concatenate([each for each, _ in apart]))
    np.testing.assert_array_equal(dx, np.concatenate([each for _, (each, _) in apart]))
    total = sum(each.astype(np.float64) for _, (_, each) in apart)
    assert relative_error(dw, total) < 1e-6  # sums of 48,000 numbers in parts, which are other parts here
