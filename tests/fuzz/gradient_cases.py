"""What the fuzzer asks of gradients: operations of op_cases.py and image_cases.py, and their derivatives in float64.

A gradient is that of sum(result * upstream), where upstream is as hostile an array as the arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import hypothesis
import numpy as np
from hypothesis import strategies as st

import reference
from fuzz import image_cases, op_cases
from fuzz.hostile_arrays import Array, arrays
from fuzz.op_cases import Case
from pyconv import ops
from pyconv.ops.arrays import as_floats
from pyconv.ops.normalization import standardize

# For each argument its gradient, and how large the numbers are whose roundings it may show.
Truth = dict[str, tuple[Array, Array]]


class GradientCase(NamedTuple):
    """An operation on arrays of float32 and float64, and its gradients.

    Attributes:
        arrays: the arguments that are differentiated for, by name.
        run: the operation on them, by name.
        upstream: the gradient of the result, of its shape.
        truth: given upstream and the arrays in float64, the gradients.
        roundings: how many units in the last place of the sizes they may be off.
    """

    op: str
    arrays: dict[str, Array]
    run: Callable[..., Array]
    upstream: Array
    truth: Callable[..., Truth]
    roundings: float


def _floating(x: Array) -> Array:
    """X itself, as awkward as it lies, if it has a gradient; other dtypes become float32."""
    return x if x.dtype.kind == "f" and x.dtype.itemsize in (4, 8) else x.astype(np.float32)


def _of(draw: st.DrawFn, case: Case, truth: Callable[..., Truth], roundings: float) -> GradientCase:
    """The gradients of an operation that the fuzzer calls anyway."""
    given = {name: _floating(x) for name, x in case.arrays.items()}
    result, _ = case.truth(**{name: x.astype(np.float64) for name, x in given.items()})
    upstream = draw(arrays(shape=result.shape, kinds=("whole", "normal", "large"), dtypes=("float32", "float64")))

    def run(**given: Array) -> Array:
        return op_cases.run(case._replace(arrays=given))

    return GradientCase(case.op, given, run, upstream, truth, roundings)


@st.composite
def conv(draw: st.DrawFn) -> GradientCase:
    case = draw(image_cases.conv())
    how = [case.settings[name] for name in ("strides", "dilation_rate", "padding")]

    def truth(upstream: Array, inputs: Array, kernel: Array, bias: Array | None = None) -> Truth:
        x, dy = (image_cases.channels_last(a, case.settings) for a in (inputs, upstream))
        shape = kernel.shape if case.op == "conv" else (*kernel.shape[:-2], 1, dy.shape[-1])
        found = reference.conv_gradients(x, kernel.reshape(shape), dy, *how)
        sizes = reference.conv_gradients(abs(x), abs(kernel.reshape(shape)), abs(dy), *how)
        pairs = dict(zip(("inputs", "kernel", "bias"), zip(found, sizes, strict=True), strict=True))
        pairs["inputs"] = tuple(image_cases.as_given(a, case.settings) for a in pairs["inputs"])  # type: ignore[assignment]
        pairs["kernel"] = tuple(a.reshape(kernel.shape) for a in pairs["kernel"])  # type: ignore[assignment]
        return pairs if bias is not None else {name: pairs[name] for name in ("inputs", "kernel")}

    # A sum has a term for each result that a number goes into: of all pixels, and less than all taps and filters.
    terms = max(case.arrays["inputs"].size, case.arrays["kernel"].size, 1)
    made = _of(draw, case, truth, terms + 2)
    return made._replace(roundings=max(terms, made.upstream.size) + 2)


@st.composite
def conv_transpose(draw: st.DrawFn) -> GradientCase:
    """Of the convolution whose data gradient it is, upstream is the image and inputs the gradient of the result."""
    case = draw(image_cases.conv_transpose())
    how = [case.settings[name] for name in ("strides", "dilation_rate", "padding")]

    def truth(upstream: Array, inputs: Array, kernel: Array) -> Truth:
        x, dy = (image_cases.channels_last(a, case.settings) for a in (inputs, upstream))
        images = [reference.conv(a, b, None, *how) for a, b in ((dy, kernel), (abs(dy), abs(kernel)))]
        kernels = [reference.conv_gradients(a, kernel, b, *how)[1] for a, b in ((dy, x), (abs(dy), abs(x)))]
        diff_x, size = (image_cases.as_given(a, case.settings) for a in images)
        return {"inputs": (diff_x, size), "kernel": (kernels[0], kernels[1])}

    made = _of(draw, case, truth, 0)
    return made._replace(roundings=max(made.upstream.size, made.arrays["kernel"].size) + 2)


@st.composite
def pool(draw: st.DrawFn) -> GradientCase:
    case = draw(image_cases.pool())
    hypothesis.assume(np.isfinite(np.asarray(case.arrays["inputs"], np.float64)).all())
    how = [case.settings[name] for name in ("pool_size", "strides", "padding")]

    def truth(upstream: Array, inputs: Array) -> Truth:
        x, dy = (image_cases.channels_last(a, case.settings) for a in (inputs, upstream))
        function = reference.max_pool_gradient if case.op == "max_pool" else reference.average_pool_gradient
        gradient, size = (image_cases.as_given(function(x, a, *how), case.settings) for a in (dy, abs(dy)))
        return {"inputs": (gradient, size)}

    return _of(draw, case, truth, int(np.prod(how[0], dtype=int)) + 2)


@st.composite
def products(draw: st.DrawFn) -> GradientCase:
    case = draw(op_cases.products())
    names = list(case.arrays)

    def truth(upstream: Array, **given: Array) -> Truth:
        x, kernel = given.values()
        found = reference.dense_gradients(x, kernel, upstream)
        sizes = reference.dense_gradients(abs(x), abs(kernel), abs(upstream))
        return dict(zip(names, zip(found[:2], sizes[:2], strict=True), strict=True))

    made = _of(draw, case, truth, 0)
    return made._replace(roundings=max(made.upstream.size, 1) + 2)


@st.composite
def batch_norm(draw: st.DrawFn) -> GradientCase:
    """The normalization of BatchNormalization while it trains, whose mean and variance have gradients too."""
    shape = draw(st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9)))
    channels = draw(st.sampled_from((1, 2)))
    along = [size if axis == channels else 1 for axis, size in enumerate(shape)]
    others = tuple(axis for axis in range(3) if axis != channels)

    def numbers(shape: tuple[int, ...]) -> Array:
        return draw(arrays(shape=shape, kinds=("whole", "normal"), dtypes=("float32", "float64")))

    def run(**given: Array) -> Array:
        x, scale, offset = as_floats("batch_normalization", **given)
        factors = ops.reshape(scale, along), ops.reshape(offset, along)
        return standardize("batch_normalization", x, others, 0.01, *factors)[0]

    def truth(upstream: Array, x: Array, scale: Array, offset: Array) -> Truth:
        del offset

        def mean(a: Array) -> Array:
            return a.mean(axis=others, keepdims=True)

        spread = np.sqrt(mean(np.square(x - mean(x))) + 0.01)
        z, dz = (x - mean(x)) / spread, upstream * scale.reshape(along)
        gradient = (dz - mean(dz) - z * mean(dz * z)) / spread
        most = abs(z) + mean(abs(x)) / spread + 1  # what z is made of
        size = (abs(dz) + mean(abs(dz)) + most * mean(abs(dz) * most)) / spread * most
        sums = [(a.sum(axis=others), b.sum(axis=others)) for a, b in ((upstream * z, abs(upstream) * most),)]
        return {"x": (gradient, size), "scale": sums[0], "offset": (upstream.sum(others), abs(upstream).sum(others))}

    given = {"x": numbers(shape), "scale": numbers((along[channels],)), "offset": numbers((along[channels],))}
    return GradientCase("batch_normalization", given, run, numbers(shape), truth, 64)


_STEP = 1e-6  # its square and the rounding of a difference divided by it lie below what float32 shows


@st.composite
def elementwise(draw: st.DrawFn) -> GradientCase:
    """By differences of the function in float64; where its slope jumps nearby, nothing is promised."""
    op = draw(st.sampled_from(sorted(op_cases.UNARY)))
    function = op_cases.UNARY[op][0]
    x = draw(arrays(kinds=("whole", "normal"), dtypes=("float32",)))

    def truth(upstream: Array, x: Array) -> Truth:
        left, middle, right = (function(x + h) for h in (-_STEP, 0, _STEP))
        slope = (right - left) / (2 * _STEP)
        smooth = abs(right - 2 * middle + left) < _STEP * 1e-3
        return {"x": (slope * upstream, np.where(smooth, (abs(slope) + 1) * abs(upstream), np.inf))}

    upstream = draw(arrays(shape=x.shape, kinds=("whole", "normal"), dtypes=("float32",)))
    return GradientCase(op, {"x": x}, getattr(ops, op), upstream, truth, 32)


CASES = st.one_of(conv(), conv(), conv_transpose(), pool(), pool(), products(), batch_norm(), elementwise())
