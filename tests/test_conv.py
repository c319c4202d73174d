"""ops.conv, ops.depthwise_conv and ops.dense: any problem in any layout, forward and gradient, exact on integers."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from arrays import LAYOUTS, Array, conv_shapes, integers, normal
from problems import Problem, parse
from pyconv import _core, ops
from pyconv.gradient import Tape
from strategies import convolutions

SMALL = parse("mb2_ic4ih7iw6_oc6oh4ow3_kh3kw3_sh2sw2_ph1pw1")


def example(problem: Problem, dtype: Any = np.float32, seed: int = 3) -> list[Array]:
    generator = np.random.default_rng(seed)
    return [integers(generator, shape, dtype) for shape in conv_shapes(problem)]


def expected(problem: Problem, x: Array, kernel: Array, bias: Array | None) -> Array:
    return reference.conv(x, kernel, bias, problem.strides, problem.dilation, problem.pads)


def conv(problem: Problem, x: Any, kernel: Any, bias: Any, **arguments: Any) -> Array:
    return ops.conv(x, kernel, problem.strides, problem.pads, dilation_rate=problem.dilation, bias=bias, **arguments)


@given(problem=convolutions(), seed=st.integers(0, 2**16), dtype=st.sampled_from(["float32", "float64"]))
def test_forward_and_gradients(problem: Problem, seed: int, dtype: str, isa: str) -> None:
    x, kernel, bias, upstream = example(problem, dtype, seed)
    with Tape([x, kernel, bias]) as tape:
        y = conv(problem, x, kernel, bias)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, expected(problem, x, kernel, bias))
    truth = reference.conv_gradients(x, kernel, upstream, problem.strides, problem.dilation, problem.pads)
    for gradient, right, array in zip(tape.gradient(y, upstream), truth, (x, kernel, bias), strict=True):
        assert gradient.dtype == dtype
        assert gradient.shape == array.shape
        np.testing.assert_array_equal(gradient, right)


@given(problem=convolutions(), layouts=st.tuples(*[st.sampled_from(sorted(LAYOUTS))] * 3))
def test_any_layout_in_memory(problem: Problem, layouts: tuple[str, str, str]) -> None:
    arrays = example(problem)[:3]
    mixed = [LAYOUTS[layout](array) for layout, array in zip(layouts, arrays, strict=True)]
    y = conv(problem, *mixed)
    assert y.flags.c_contiguous
    np.testing.assert_array_equal(y, expected(problem, *arrays))


@given(problem=convolutions())
def test_channels_first(problem: Problem) -> None:
    x, kernel, bias, upstream = example(problem)
    images, dy = (np.ascontiguousarray(np.moveaxis(array, -1, 1)) for array in (x, upstream))
    with Tape([images]) as tape:
        y = conv(problem, images, kernel, bias, data_format="channels_first")
    assert y.flags.c_contiguous
    np.testing.assert_array_equal(y, np.moveaxis(expected(problem, x, kernel, bias), -1, 1))
    geometry = problem.strides, problem.dilation, problem.pads
    right = np.moveaxis(reference.conv_gradients(x, kernel, upstream, *geometry)[0], -1, 1)
    np.testing.assert_array_equal(tape.gradient(y, dy)[0], right)


@given(problem=convolutions(), multiplier=st.integers(1, 3))
def test_depthwise(problem: Problem, multiplier: int) -> None:
    """Filter m of channel c makes output channel c * M + m."""
    generator = np.random.default_rng(5)
    channels = problem.in_channels
    x = integers(generator, (problem.batch, *problem.input_size, channels))
    kernel = integers(generator, (*problem.kernel_size, channels, multiplier))
    geometry = problem.strides, problem.dilation, problem.pads
    y = ops.depthwise_conv(x, kernel, problem.strides, problem.pads, dilation_rate=problem.dilation)
    assert y.shape[-1] == channels * multiplier
    for c in range(channels):
        alone = reference.conv(x[..., c : c + 1], kernel[..., c : c + 1, :], None, *geometry)
        np.testing.assert_array_equal(y[..., c * multiplier : (c + 1) * multiplier], alone)


def test_depthwise_gradients() -> None:
    generator = np.random.default_rng(6)
    x, kernel, bias = (integers(generator, shape) for shape in ((2, 5, 6, 3), (3, 2, 3, 2), (6,)))
    upstream = integers(generator, (2, 3, 5, 6))
    with Tape([x, kernel, bias]) as tape:
        y = ops.depthwise_conv(x, kernel, bias=bias)
    flat = kernel.reshape(3, 2, 1, 6)
    truth = reference.conv_gradients(x, flat, upstream, (1, 1), (1, 1), ((0, 0), (0, 0)))
    for gradient, right, array in zip(tape.gradient(y, upstream), truth, (x, kernel, bias), strict=True):
        np.testing.assert_array_equal(gradient, right.reshape(array.shape))


@pytest.mark.parametrize("leading", [(), (5,), (2, 3), (2, 3, 4), (0,), (2, 0), (70,)])
@pytest.mark.parametrize(("length", "units"), [(1, 1), (7, 3), (64, 33)])
def test_dense(leading: tuple[int, ...], length: int, units: int, isa: str, rng: np.random.Generator) -> None:
    x, kernel, bias = (integers(rng, shape) for shape in ((*leading, length), (length, units), (units,)))
    upstream = integers(rng, (*leading, units))
    with Tape([x, kernel, bias]) as tape:
        y = ops.dense(x, kernel, bias=bias)
    np.testing.assert_array_equal(y, reference.dense(x, kernel, bias))
    for gradient, right in zip(tape.gradient(y, upstream), reference.dense_gradients(x, kernel, upstream), strict=True):
        np.testing.assert_array_equal(gradient, right)


@pytest.mark.parametrize(
    ("padding", "pads"),
    [
        ("valid", ((0, 0), (0, 0))),
        ("VALID", ((0, 0), (0, 0))),
        (0, ((0, 0), (0, 0))),
        (2, ((2, 2), (2, 2))),
        (np.int64(2), ((2, 2), (2, 2))),
        ((1, 2), ((1, 1), (2, 2))),
        ([1, 2], ((1, 1), (2, 2))),
        (np.array([1, 2]), ((1, 1), (2, 2))),
        (((1, 0), (0, 3)), ((1, 0), (0, 3))),
        ((1, (0, 3)), ((1, 1), (0, 3))),
    ],
)
def test_padding_forms(padding: Any, pads: reference.Pads) -> None:
    x, kernel, bias, _ = example(SMALL)
    y = ops.conv(x, kernel, padding=padding, bias=bias)
    np.testing.assert_array_equal(y, reference.conv(x, kernel, bias, (1, 1), (1, 1), pads))


@given(problem=convolutions())
def test_same_padding(problem: Problem) -> None:
    x, kernel, bias, _ = example(problem)
    y = ops.conv(x, kernel, problem.strides, "same", dilation_rate=problem.dilation, bias=bias)
    assert y.shape[1:-1] == tuple(-(-n // s) for n, s in zip(problem.input_size, problem.strides, strict=True))
    pads = reference.same_pads(problem.input_size, problem.kernel_size, problem.strides, problem.dilation)
    np.testing.assert_array_equal(y, reference.conv(x, kernel, bias, problem.strides, problem.dilation, pads))


@pytest.mark.parametrize(
    ("given_dtype", "result"),
    [
        ("float32", "float32"),
        ("float64", "float64"),
        ("float16", "float32"),
        ("int8", "float32"),
        ("uint8", "float32"),
        ("int64", "float32"),
        ("bool", "float32"),
        (">f4", "float32"),
        (">f8", "float64"),
        (">i2", "float32"),
    ],
)
def test_dtypes(given_dtype: str, result: str) -> None:
    x, kernel, bias, _ = example(SMALL)
    images = np.abs(x).astype(given_dtype)
    y = conv(SMALL, images, kernel, bias)
    assert y.dtype == np.dtype(result)
    np.testing.assert_array_equal(y, expected(SMALL, images.astype(np.float64), kernel, bias))


def test_one_float64_argument_makes_the_result_float64() -> None:
    x, kernel, bias, _ = example(SMALL)
    assert conv(SMALL, x, kernel.astype(np.float64), bias).dtype == np.float64
    assert conv(SMALL, x, kernel, bias.astype(np.float64)).dtype == np.float64


def test_nested_lists() -> None:
    y = ops.conv([[[1], [2], [4]]], [[[1]], [[10]]])
    np.testing.assert_array_equal(y, [[[21], [42]]])
    assert y.dtype == np.float32


def test_numpy_integers_are_integers() -> None:
    x, kernel, _, _ = example(SMALL)
    y = ops.conv(x, kernel, np.int64(2), "valid", None, np.array([1, 1]))
    np.testing.assert_array_equal(y, ops.conv(x, kernel, 2))


def test_arguments_are_left_alone() -> None:
    arrays = example(SMALL)
    copies = [array.copy() for array in arrays]
    with Tape(arrays[:3]) as tape:
        y = conv(SMALL, *arrays[:3])
    tape.gradient(y, arrays[3])
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_no_gradient_is_computed_that_nobody_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient for the images of the first layer is the dearest one, and useless."""
    x, kernel, bias, upstream = example(SMALL)
    with Tape([kernel, bias]) as tape:
        y = conv(SMALL, x, kernel, bias)
    made: list[str] = []
    module = importlib.import_module("pyconv.ops.conv_gradients")
    plan_of = module.plan_for

    def noted(isa: str, direction: Any, problem: Any) -> _core.ConvPlan:
        made.append(direction)
        return plan_of(isa, direction, problem)

    monkeypatch.setattr(module, "plan_for", noted)
    tape.gradient(y, upstream)
    assert made == ["backward_weights"]  # once, for kernel and bias together


def test_changing_the_isa_between_forward_and_backward() -> None:
    """The gradients are those of an instruction set in use, and no plan is kept under the name of another."""
    generator = np.random.default_rng(8)
    x, kernel, bias, upstream = (normal(generator, shape) for shape in conv_shapes(SMALL))
    first, last = _core.available_isas()[0], _core.available_isas()[-1]

    def gradients(forward: str, backward: str) -> list[bytes]:
        _core.set_isa(forward)
        with Tape([x, kernel, bias]) as tape:
            y = conv(SMALL, x, kernel, bias)
        _core.set_isa(backward)
        return [gradient.tobytes() for gradient in tape.gradient(y, upstream)]

    plans = importlib.import_module("pyconv.ops.conv_plans").plan_by
    before = _core.get_isa()
    try:
        plans.cache_clear()
        right = {isa: gradients(isa, isa) for isa in (first, last)}
        plans.cache_clear()
        assert gradients(first, last) == right[last]
        assert gradients(first, first) == right[first]
        assert gradients(last, first) == right[first]
    finally:
        plans.cache_clear()
        _core.set_isa(before)
