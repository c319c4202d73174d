"""What the fuzzer asks of convolutions and poolings: any window, and the truth of tests/reference.py. Not a test."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import reference
from fuzz.hostile_arrays import FINITE, Array, arrays
from fuzz.op_cases import Case
from problems import Problem
from pyconv.ops.adaptive_pool import windows
from strategies import convolutions, poolings, special_convolutions

# A window that holds an infinity gives infinity or NaN by the signs of weights, and NaN where a weight is nought: the
# reference says which. What lies in the padding must not be multiplied, though, and there the reference does.
_KINDS = FINITE


def _sizes(problem: Problem) -> tuple[Any, ...]:
    return problem.strides, problem.dilation, problem.pads


def _settings(draw: st.DrawFn, problem: Problem, *, dilated: bool = True) -> dict[str, Any]:
    settings: dict[str, Any] = {"strides": problem.strides, "padding": problem.pads}
    if dilated:
        settings["dilation_rate"] = problem.dilation
    return settings | {"data_format": draw(st.sampled_from(("channels_last", "channels_first")))}


def channels_last(x: Array, settings: dict[str, Any]) -> Array:
    return np.moveaxis(x, 1, -1) if settings["data_format"] == "channels_first" else x


def as_given(y: Array, settings: dict[str, Any]) -> Array:
    return np.moveaxis(y, -1, 1) if settings["data_format"] == "channels_first" else y


def _image(draw: st.DrawFn, problem: Problem, settings: dict[str, Any], kinds: tuple[str, ...] = _KINDS) -> Array:
    shape = (problem.batch, *problem.input_size, problem.in_channels)
    first = (shape[0], shape[-1], *shape[1:-1])
    return draw(arrays(shape=first if settings["data_format"] == "channels_first" else shape, kinds=kinds))


@st.composite
def conv(draw: st.DrawFn) -> Case:
    problem = draw(st.one_of(convolutions(), special_convolutions()))
    assert problem.out_channels is not None
    settings = _settings(draw, problem)
    depthwise = problem.groups == problem.in_channels and draw(st.booleans())
    x = _image(draw, problem, settings)
    shape = (*problem.kernel_size, problem.in_channels // problem.groups, problem.out_channels)
    given = {"inputs": x}
    if depthwise:
        multiplier = problem.out_channels // problem.groups
        given["kernel"] = draw(arrays(shape=(*problem.kernel_size, problem.in_channels, multiplier), kinds=_KINDS))
    else:
        given["kernel"] = draw(arrays(shape=shape, kinds=_KINDS))
    if draw(st.booleans()):
        given["bias"] = draw(arrays(shape=(problem.out_channels,), kinds=_KINDS))

    def truth(inputs: Array, kernel: Array, bias: Array | None = None) -> tuple[Array, Array]:
        x, weights = channels_last(inputs, settings), kernel.reshape(shape)
        y = reference.conv(x, weights, bias, *_sizes(problem))
        size = reference.conv(abs(x), abs(weights), None if bias is None else abs(bias), *_sizes(problem))
        return as_given(y, settings), as_given(size, settings)

    terms = np.prod(shape[:-1], dtype=int)
    return Case("depthwise_conv" if depthwise else "conv", given, settings, truth, int(terms) + 2)


@st.composite
def conv_transpose(draw: st.DrawFn) -> Case:
    problem = draw(convolutions())
    assert problem.out_channels is not None
    settings = _settings(draw, problem)
    crops = tuple(
        tuple(min(p, (k - 1) * d // 2) for p in pads)
        for pads, k, d in zip(problem.pads, problem.kernel_size, problem.dilation, strict=True)
    )
    settings["padding"] = crops
    x = _image(draw, problem, settings)
    kernel = draw(arrays(shape=(*problem.kernel_size, problem.out_channels, problem.in_channels), kinds=_KINDS))

    def truth(inputs: Array, kernel: Array) -> tuple[Array, Array]:
        x, how = channels_last(inputs, settings), (problem.strides, problem.dilation, crops)
        y, size = (
            reference.conv_transpose(x, kernel, None, *how),
            reference.conv_transpose(abs(x), abs(kernel), None, *how),
        )
        return as_given(y, settings), as_given(size, settings)

    terms = np.prod(problem.kernel_size, dtype=int) * problem.in_channels
    return Case("conv_transpose", {"inputs": x, "kernel": kernel}, settings, truth, int(terms) + 2)


@st.composite
def pool(draw: st.DrawFn) -> Case:
    problem = draw(poolings())
    op = draw(st.sampled_from(("max_pool", "average_pool")))
    settings = {"pool_size": problem.kernel_size} | _settings(draw, problem, dilated=False)
    x = _image(draw, problem, settings, ("whole", "normal", "special") if op == "max_pool" else _KINDS)

    def truth(inputs: Array) -> tuple[Array, Array]:
        x, how = channels_last(inputs, settings), (problem.kernel_size, problem.strides, problem.pads)
        function = reference.max_pool if op == "max_pool" else reference.average_pool
        size = abs(function(x, *how)) if op == "max_pool" else function(abs(x), *how)
        return as_given(function(x, *how), settings), as_given(size, settings)

    window = int(np.prod(problem.kernel_size, dtype=int))
    return Case(op, {"inputs": x}, settings, truth, 0 if op == "max_pool" else window + 2)


@st.composite
def adaptive_pool(draw: st.DrawFn) -> Case:
    op = draw(st.sampled_from(("adaptive_max_pool", "adaptive_average_pool")))
    shape = draw(st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(1, 9), st.integers(1, 5)))
    out = (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    x = draw(arrays(shape=shape, kinds=("whole", "normal")))

    def truth(inputs: Array) -> tuple[Array, Array]:
        y, size = inputs, abs(inputs)
        for axis, o in enumerate(out, 1):
            parts = [np.unique(row) for row in windows(y.shape[axis], o)[0]]
            function = np.max if op == "adaptive_max_pool" else np.mean
            y = np.stack([function(y.take(part, axis), axis=axis) for part in parts], axis)
            size = np.stack([size.take(part, axis).max(axis=axis) for part in parts], axis)
        return y, size

    settings = {"output_size": out, "data_format": "channels_last"}
    return Case(op, {"inputs": x}, settings, truth, 0 if op == "adaptive_max_pool" else 32)


@st.composite
def separable_conv(draw: st.DrawFn) -> Case:
    problem = draw(convolutions())
    assert problem.out_channels is not None
    settings = _settings(draw, problem)
    multiplier, channels = draw(st.integers(1, 3)), problem.in_channels
    x = _image(draw, problem, settings, ("whole", "normal"))
    depthwise = draw(arrays(shape=(*problem.kernel_size, channels, multiplier), kinds=("whole", "normal")))
    shape = (1,) * problem.rank + (channels * multiplier, problem.out_channels)
    pointwise = draw(arrays(shape=shape, kinds=("whole", "normal")))

    def truth(inputs: Array, depthwise_kernel: Array, pointwise_kernel: Array) -> tuple[Array, Array]:
        x = channels_last(inputs, settings)
        matrix = depthwise_kernel.reshape(*problem.kernel_size, 1, channels * multiplier)
        y, size = (reference.conv(a, b, None, *_sizes(problem)) for a, b in ((x, matrix), (abs(x), abs(matrix))))
        columns = pointwise_kernel.reshape(shape[-2:])
        return as_given(y @ columns, settings), as_given(size @ abs(columns), settings)

    given = {"inputs": x, "depthwise_kernel": depthwise, "pointwise_kernel": pointwise}
    terms = int(np.prod(problem.kernel_size, dtype=int)) + channels * multiplier
    return Case("separable_conv", given, settings, truth, terms + 4)


CASES = st.one_of(conv(), conv(), conv_transpose(), pool(), pool(), adaptive_pool(), separable_conv())
