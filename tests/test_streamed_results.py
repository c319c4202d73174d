"""Convolutions of many images write their results past the caches, if these are aligned: the same bits as of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import problems
from arrays import conv_shapes, normal
from guards import MARGIN, SENTINEL
from plans import plan

LINE = 64  # bytes of a cache line

# Results of 17 MB and more: borders, whole and half panels, a matrix product, windows one and two pixels apart, and
# groups that aren't whole cache lines, which are stored as usual.
CASES = [
    ("direct", "forward", "float32", "ic3ih37iw61oc64kh3kw3ph1pw1"),
    ("direct", "forward", "float64", "ic5ih31iw40oc56kh2kw2"),
    ("direct", "forward", "float32", "ic16ih60oc48kh1"),
    ("direct", "forward", "float32", "g2ic6ih60oc48kh1"),
    ("direct", "backward_data", "float32", "ic48ih62oc3oh60kh3"),
    ("depthwise", "forward", "float32", "g64ic64ih60oc64kh3ph1"),
    ("depthwise", "forward", "float64", "g40ic40ih42oc40kh5ph2"),
    ("depthwise", "backward_data", "float32", "g48ic48ih61oc48oh31kh3sh2ph1"),
]


@pytest.mark.parametrize(("algorithm", "direction", "dtype", "line"), CASES)
def test_results_beyond_the_caches(
    algorithm: str, direction: Any, dtype: str, line: str, isa: str, rng: np.random.Generator
) -> None:
    images = 32
    many, one = (problems.parse(f"mb{batch}_{line}") for batch in (images, 1))
    options: dict[str, Any] = {"algorithm": algorithm, "activation": "relu"}
    x, kernel, bias, y = (np.zeros(shape, dtype) for shape in conv_shapes(many))
    kernel[...] = normal(rng, kernel.shape, dtype)
    forward = direction == "forward"
    source, produced = (x, y) if forward else (y, x)
    source[...] = np.resize(normal(rng, (1009,), dtype), source.shape)
    bias = normal(rng, produced.shape[-1:], dtype)

    single = plan(one, direction, **options, dtype=dtype)
    for image in range(images):
        single.run(x[image : image + 1], kernel, bias, y[image : image + 1])

    made = plan(many, direction, **options, dtype=dtype)
    buffer = np.empty(produced.size + 2 * MARGIN + LINE, dtype)
    first = MARGIN + -(buffer.ctypes.data // buffer.itemsize + MARGIN) % (LINE // buffer.itemsize)
    for begin in (first, first + 1):
        end = begin + produced.size
        buffer[...] = SENTINEL
        result = buffer[begin:end].reshape(produced.shape)
        made.run(*(x, kernel, bias, result) if forward else (result, kernel, bias, y))
        np.testing.assert_array_equal(result, produced)
        assert np.all(buffer[:begin] == SENTINEL)
        assert np.all(buffer[end:] == SENTINEL)
