"""ops that make arrays: dtypes, and which of them are differentiated. Signatures are in test_signatures.py."""

from __future__ import annotations

import numpy as np
import pytest

import pyconv
from pyconv import layers, ops
from pyconv.gradient import Tape


def test_dtypes() -> None:
    assert ops.convert_to_tensor([1.5]).dtype == np.float32
    assert ops.convert_to_tensor([1]).dtype == np.int64
    assert ops.convert_to_tensor(np.ones(2)).dtype == np.float64
    assert ops.convert_to_tensor([1], "float64").dtype == np.float64
    assert ops.cast([1.5, -1.5], "int32").tolist() == [1, -1]
    x = np.ones((2, 3))
    assert ops.convert_to_tensor(x) is x
    assert ops.convert_to_numpy(pyconv.Variable([1.0])).tolist() == [1.0]


def test_filled_arrays() -> None:
    for made, value in ((ops.zeros((2, 3)), 0), (ops.ones((2, 3)), 1), (ops.full((2, 3), 7), 7)):
        assert made.dtype == np.float32
        np.testing.assert_array_equal(made, np.full((2, 3), value))
    assert ops.ones(2, "int8").dtype == np.int8
    assert ops.zeros_like(np.ones((2, 3))).dtype == np.float64
    np.testing.assert_array_equal(ops.ones_like([0.0, 2.0], "float64"), [1.0, 1.0])


def test_shapes_of_arrays_and_symbols() -> None:
    assert ops.shape([[1, 2, 3]]) == (1, 3)
    assert ops.shape(layers.Input((4, 5))) == (None, 4, 5)


def test_the_gradient_goes_through_a_cast() -> None:
    x = np.array([1.0, 2.0])
    with Tape([x]) as tape:
        y = ops.cast(ops.square(x), "float32")
    (gradient,) = tape.gradient(y)
    assert gradient.dtype == np.float64
    np.testing.assert_array_equal(gradient, [2.0, 4.0])


def test_there_are_no_sparse_arrays() -> None:
    with pytest.raises(ValueError, match=r"^convert_to_tensor: arrays are dense"):
        ops.convert_to_tensor([1.0], sparse=True)
