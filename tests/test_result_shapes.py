"""Shapes of results that need no trial: those that NumPy gives, with unknown sizes, and bounds of growth."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from pyconv import Input, result_shapes

SHAPES = [(), (1,), (4,), (3, 1), (3, 4), (1, 4), (2, 3, 4), (5, 1, 1)]


@pytest.mark.parametrize(("one", "other"), list(product(SHAPES, SHAPES)))
def test_broadcasting_is_numpys(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    try:
        expected = np.broadcast_shapes(one, other)
    except ValueError:
        with pytest.raises(ValueError, match=r"add: x1 and x2 must broadcast. Received: x1.shape="):
            result_shapes.broadcast("add", one, other)
    else:
        assert result_shapes.broadcast("add", one, other) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((None,), (None,), (None,)),
        ((None,), (1,), (None,)),
        ((None,), (5,), (5,)),
        ((None, 3), (3,), (None, 3)),
        ((3,), (None, 1), (None, 3)),
    ],
)
def test_unknown_sizes(one: Any, other: Any, expected: Any) -> None:
    assert result_shapes.broadcast("add", one, other) == expected
    assert result_shapes.broadcast("add", other, one) == expected


def test_which_operations_need_no_trial() -> None:
    x, row = Input((3, 4)), Input((4,))
    assert result_shapes.of_two("add", (x, row)) is not None
    assert result_shapes.of_two("multiply", (x, 2.0)) == (None, 3, 4)
    assert result_shapes.of_two("subtract", ([1.0, 2.0], Input((1,)))) == (None, 2)
    assert result_shapes.of_two("add", (x, np.ones(4))) is None  # whose dtype may matter
    assert result_shapes.of_two("add", (x,)) is None
    assert result_shapes.of_two("concatenate", (x, x)) is None


def test_products_of_matrices() -> None:
    assert result_shapes.of_two("matmul", (Input((3, 4)), Input((4, 5)))) == (None, 3, 5)
    assert result_shapes.of_two("matmul", (Input((4,)), [[1.0] * 5] * 4)) == (None, 5)
    for one, other in (((3, 4), (2, 4, 5)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (1, 4, 5))):
        assert result_shapes.of_two("matmul", (Input(one), Input(other))) == (None, 2, 3, 5)
    assert result_shapes.of_two("matmul", (Input((3, 4)), Input((5, 4)))) is None
    assert result_shapes.of_two("matmul", ([1.0, 2.0], Input((2, 5)))) is None  # a vector


@pytest.mark.parametrize(
    ("args", "settings", "expected"),
    [
        ((), {}, 1),
        ((), {"repeats": 4, "axis": 7}, 5),
        ((), {"pad_width": ((1, 2), (0, 3))}, 2 * 3 * 1 * 4),
        ((), {"padding": -2, "output_size": [3, 3]}, 3 * 4 * 4),
        (([0, 1, 2],), {}, 3),
        ((5, "x"), {"padding": "same"}, 1),
        (([[0, 1], slice(None), [2, 3, 4]],), {}, 6),
        (([],), {}, 1),
    ],
)
def test_how_much_larger_a_result_may_be(args: Any, settings: Any, expected: int) -> None:
    assert result_shapes.growth(args, settings) == expected
