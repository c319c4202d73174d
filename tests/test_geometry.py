"""Sizes, strides and pads: against windows that are counted one by one, at their limits, and in every form."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from pyconv import config
from pyconv.ops import geometry

LARGEST = 2**31 - 1


def places(size: int, before: int, after: int, window: int, stride: int, dilation: int) -> int:
    """How many windows begin within a padded axis and end within it, one after the other."""
    padded = range(-before, size + after)
    starts = range(-before, size + after, stride)
    return sum(all(start + tap * dilation in padded for tap in range(window)) for start in starts)


@pytest.mark.parametrize("padding", ["valid", "same", "SAME", 2, ((1, 2),)])
def test_results_are_as_many_as_windows_fit(padding: Any) -> None:
    for size, window, stride, dilation in product(range(1, 10), (1, 2, 3, 5), (1, 2, 3), (1, 2)):
        arguments = (padding, (size,), (window,), (stride,), (dilation,))
        ((before, after),) = geometry.resolve_pads("conv", *arguments)
        expected = places(size, before, after, window, stride, dilation)
        if expected:
            assert geometry.output_size("conv", *arguments) == (expected,)
        else:
            with pytest.raises(ValueError, match="conv: Computed output size would be zero or negative"):
                geometry.output_size("conv", *arguments)


def test_same_gives_a_result_for_each_step_with_as_few_zeros_as_will_do() -> None:
    for size, window, stride, dilation in product(range(1, 10), (1, 2, 3, 5), (1, 2, 3), (1, 2)):
        ((before, after),) = geometry.resolve_pads("conv", "same", (size,), (window,), (stride,), (dilation,))
        wanted = -(-size // stride)
        assert places(size, before, after, window, stride, dilation) == wanted
        assert before <= after <= before + 1  # the odd one comes last
        if before + after:
            assert places(size, before, after - 1, window, stride, dilation) < wanted


def test_each_axis_has_its_own() -> None:
    pads = geometry.resolve_pads("conv", (1, (0, 3)), (5, 6), (1, 1), (1, 1), (1, 1))
    assert pads == ((1, 1), (0, 3))
    assert geometry.output_size("conv", pads, (5, 6), (3, 2), (2, 3), (1, 2)) == (3, 3)
    assert geometry.resolve_pads("conv", "valid", (5, 6), (1, 1), (1, 1), (1, 1)) == ((0, 0), (0, 0))


def test_an_axis_of_unknown_size_stays_unknown_and_an_empty_one_is_refused() -> None:
    assert geometry.output_size("conv", "valid", (None,), (3,), (1,), (1,)) == (None,)
    assert geometry.output_size("conv", "same", (None, 4), (3, 3), (2, 2), (1, 1)) == (None, 2)
    with pytest.raises(ValueError, match=r"input size=0, window=1, dilation=2 \(spanning 1\), pads=2\+2"):
        geometry.output_size("conv", 2, (0,), (1,), (1,), (2,))
    with pytest.raises(ValueError, match=r"input size=6, window=3, dilation=3 \(spanning 7\)"):
        geometry.output_size("conv", "valid", (6,), (3,), (1,), (3,))


@pytest.mark.parametrize("value", [1, LARGEST, np.int64(LARGEST), np.uint8(3)])
def test_integers(value: Any) -> None:
    assert geometry.integer("op", "n", value) == value
    assert type(geometry.integer("op", "n", value)) is int


@pytest.mark.parametrize(
    ("value", "bounds", "words"),
    [
        (0, (1, LARGEST), "op: Invalid value for argument `n`. Expected a strictly positive value. Received n=0."),
        (np.int64(0), (1, LARGEST), "`n` should be a positive integer."),
        (LARGEST + 1, (1, LARGEST), f"op: n must be in 1..{LARGEST}. Received: n={LARGEST + 1}."),
        (-1, (0, 5), "op: n must be in 0..5. Received: n=-1."),
        (6, (0, 5), "op: n must be in 0..5"),
        (1, (2, 5), "op: n must be in 2..5"),
    ],
)
def test_integers_out_of_bounds(value: Any, bounds: tuple[int, int], words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared below, as they are
        geometry.integer("op", "n", value, *bounds)
    assert words in str(caught.value)


@pytest.mark.parametrize("value", [True, np.True_, 1.0, "1", None, np.float32(2)])
def test_what_is_no_integer(value: Any) -> None:
    with pytest.raises(TypeError, match=r"op: Expected an integer value for `n`. Received: n="):
        geometry.integer("op", "n", value)
    with pytest.raises(TypeError, match="op: The `n` argument must be a tuple of 2 integers"):
        geometry.int_tuple("op", "n", (1, value), rank=2)


def test_tuples_of_integers() -> None:
    for given in (3, np.int32(3), np.array(3)):
        assert geometry.int_tuple("op", "n", given, rank=2) == (3, 3)
    for items in ((1, 2), [1, 2], np.array([1, 2]), iter([1, 2])):
        assert geometry.int_tuple("op", "n", items, rank=2) == (1, 2)
    assert geometry.int_tuple("op", "n", (0, 5), rank=2, minimum=0) == (0, 5)


@pytest.mark.parametrize(
    ("value", "minimum", "words"),
    [
        ((1, 2, 3), 1, "op: The `n` argument must be a tuple of 2 integers. Received n=(1, 2, 3)"),
        ("12", 1, "Received n='12'"),
        ((0, 2), 1, "Received n=(0, 2), including values {0} that do not satisfy `value > 0`."),
        ((2, -1), 0, "Received n=(2, -1), including values {-1} that do not satisfy `value >= 0`."),
        ((1, LARGEST + 1), 1, f"op: n must be in 1..{LARGEST}. Received: n={LARGEST + 1}."),
    ],
)
def test_tuples_that_are_wrong(value: Any, minimum: int, words: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        geometry.int_tuple("op", "n", value, rank=2, minimum=minimum)
    assert words in str(caught.value)


def test_axes() -> None:
    assert geometry.axis_tuple("mean", None, 3) == (0, 1, 2)
    assert geometry.axis_tuple("mean", -1, 3) == (2,)
    assert geometry.axis_tuple("mean", (2, -3), 3) == (0, 2)
    assert geometry.axes_argument("mean", -1) == (-1,)
    assert geometry.axes_argument("mean", [2, -LARGEST]) == (2, -LARGEST)
    with pytest.raises(TypeError, match=r"mean: Invalid value for `axis` argument.*axis=1.5"):
        geometry.axes_argument("mean", 1.5)
    for axis in (3, -4, (0, 3)):
        with pytest.raises(ValueError, match=r"mean: axis is out of bounds.*\[-3, 3\) of an array that has 3 axes"):
            geometry.axis_tuple("mean", axis, 3)
    with pytest.raises(ValueError, match="mean: Duplicate axes in an array of 3"):
        geometry.axis_tuple("mean", (0, -3), 3)


def test_one_axis() -> None:
    assert geometry.one_axis("concatenate", (-1,), 3) == 2
    for axis in (None, (0, 1), ()):
        with pytest.raises(TypeError, match=r"concatenate: axis must be one integer. Received: axis="):
            geometry.one_axis("concatenate", axis, 3)


def test_what_can_be_addressed() -> None:
    """2**57 bytes of eight each."""
    geometry.require_addressable("pad", (2**54,))
    geometry.require_addressable("pad", (None, 2**27, 2**27))
    for shape in ((2**54 + 1,), (2**27, None, 2**28)):
        with pytest.raises(ValueError, match="pad: the output would be too large to address, of shape"):
            geometry.require_addressable("pad", shape)


def test_paddings() -> None:
    assert geometry.settled_padding("conv", "Same", 2) == "same"
    assert geometry.settled_padding("conv", 0, 2) == ((0, 0), (0, 0))
    assert geometry.settled_padding("conv", [(1, 2), 3], 2) == ((1, 2), (3, 3))
    with pytest.raises(ValueError, match=r'conv: padding must be "valid", "same", an integer.*padding=\'full\''):
        geometry.settled_padding("conv", "full", 2)
    with pytest.raises(ValueError, match=r"conv: padding must have one integer or .* for each of 2 spatial axes"):
        geometry.settled_padding("conv", (1,), 2)
    with pytest.raises(ValueError, match="padding must be in 0"):
        geometry.settled_padding("conv", -1, 2)


def test_data_formats() -> None:
    for value in ("channels_last", "channels_first"):
        assert geometry.data_format("conv", value) == value
    assert geometry.data_format("conv", None) == config.image_data_format()
    with pytest.raises(ValueError, match=r"conv: data_format must be .* Received: data_format='nchw'"):
        geometry.data_format("conv", "nchw")


@pytest.mark.parametrize("value", [(), [], (1, 2), range(3), np.arange(2), {1}])
def test_several_things(value: Any) -> None:
    assert geometry.is_sequence(value)


@pytest.mark.parametrize("value", [1, "12", b"12", np.array(1), np.int64(3), None, 1.5])
def test_one_thing(value: Any) -> None:
    assert not geometry.is_sequence(value)
