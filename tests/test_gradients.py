"""The gradient of every operation against finite differences, and the tape that plays them backwards.

Along a random direction v, (f(x + h v) - f(x - h v)) / 2h differs from <gradient, v> by h^2 / 6 times a third
derivative and by eps * |f| / h of rounding. With h = 1e-5 in float64 both are near 1e-10 for numbers near 1; 1e-7 also
bears the sums of a few hundred of them.
"""

from __future__ import annotations

import _thread
import operator
import signal
from collections.abc import Callable
from threading import Thread
from typing import Any

import numpy as np
import pytest

from arrays import Array, normal
from pyconv import ops
from pyconv.gradient import Tape, record

STEP, TOLERANCE = 1e-5, 1e-7


def apart(shape: tuple[int, ...]) -> Array:
    """Numbers of [-2, 2] that keep 0.01 from each other, and 0.005 from 0 and any multiple of 0.01: from every kink."""
    count = int(np.prod(shape))
    assert count <= 400
    grid = (np.arange(400) - 199.5) * 0.01
    return np.random.default_rng(17).permutation(grid)[:count].reshape(shape)


def data(*shape: int) -> Array:
    return normal(np.random.default_rng(sum(shape)), shape, np.float64)


Case = tuple[Callable[..., Array], list[Array]]
CASES: dict[str, list[Case]] = {
    "conv": [
        (lambda x, k, b: ops.conv(x, k, 2, "same", bias=b), [data(2, 5, 3), data(3, 3, 4), data(4)]),
        (lambda x, k: ops.conv(x, k, dilation_rate=2), [data(2, 6, 7, 4), data(2, 3, 2, 6)]),
        (lambda x, k: ops.conv(x, k, (1, 2, 1), 1), [data(1, 3, 4, 3, 2), data(2, 3, 1, 2, 3)]),
        (lambda x, k: ops.conv(x, k, data_format="channels_first"), [data(2, 3, 5, 4), data(3, 2, 3, 2)]),
    ],
    "depthwise_conv": [(lambda x, k: ops.depthwise_conv(x, k, 2, "same"), [data(2, 5, 4, 3), data(3, 2, 3, 2)])],
    "conv_transpose": [
        (lambda x, k, b: ops.conv_transpose(x, k, 2, "same", bias=b), [data(2, 5, 3), data(3, 4, 3), data(4)]),
        (lambda x, k: ops.conv_transpose(x, k, 2, dilation_rate=2), [data(2, 3, 4, 3), data(2, 3, 2, 3)]),
        (lambda x, k: ops.conv_transpose(x, k, (1, 3, 1), 1), [data(1, 3, 2, 3, 2), data(3, 2, 3, 3, 2)]),
        (lambda x, k: ops.conv_transpose(x, k, data_format="channels_first"), [data(2, 3, 4), data(3, 2, 3)]),
    ],
    "separable_conv": [
        (
            lambda x, d, p, b: ops.separable_conv(x, d, p, 2, "same", bias=b),
            [data(2, 5, 4, 3), data(3, 2, 3, 2), data(1, 1, 6, 4), data(4)],
        ),
        (
            lambda x, d, p: ops.separable_conv(x, d, p, data_format="channels_first"),
            [data(2, 3, 6), data(3, 3, 1), data(1, 3, 4)],
        ),
    ],
    "get_item": [
        (lambda x: ops.get_item(x, (slice(None), 1)), [data(2, 5, 3)]),
        (lambda x: ops.get_item(x, (..., slice(None, None, -2), None)), [data(2, 5, 3)]),
        (lambda x: ops.get_item(x, [0, 1, 0]), [data(2, 5)]),
    ],
    "matmul": [
        (ops.matmul, [data(2, 4, 3), data(3, 5)]),
        (ops.matmul, [data(2, 1, 4, 3), data(3, 3, 5)]),
        (ops.matmul, [data(3), data(2, 3, 4)]),
        (ops.matmul, [data(2, 4, 3), data(3)]),
        (ops.matmul, [data(3), data(3)]),
        (ops.matmul, [data(3), data(3, 2)]),
    ],
    "dense": [(lambda x, k, b: ops.dense(x, k, bias=b), [data(2, 4, 3), data(3, 5), data(5)])],
    "max_pool": [
        (lambda x: ops.max_pool(x, 3, 2, "same"), [apart((2, 5, 4, 3))]),
        (lambda x: ops.max_pool(x, 2, data_format="channels_first"), [apart((2, 3, 5))]),
    ],
    "average_pool": [(lambda x: ops.average_pool(x, 3, 2, "same"), [data(2, 5, 4, 3)])],
    "adaptive_max_pool": [
        (lambda x: ops.adaptive_max_pool(x, 3), [apart((2, 7, 3))]),
        (lambda x: ops.adaptive_max_pool(x, (2, 3), "channels_first"), [apart((2, 3, 4, 6))]),
        (lambda x: ops.adaptive_max_pool(x, (2, 5)), [apart((2, 5, 3, 3))]),
    ],
    "adaptive_average_pool": [
        (lambda x: ops.adaptive_average_pool(x, 3), [data(2, 7, 3)]),
        (lambda x: ops.adaptive_average_pool(x, (2, None), "channels_first"), [data(2, 3, 5, 6)]),
        (lambda x: ops.adaptive_average_pool(x, (2, 3)), [data(2, 4, 6, 3)]),
    ],
    "pad": [
        (lambda x: ops.pad(x, 2, constant_values=3.0), [data(2, 3)]),
        (lambda x: ops.pad(x, ((0, 0), (3, 2)), "reflect"), [data(2, 4)]),
        (lambda x: ops.pad(x, ((0, 0), (3, 2)), "symmetric"), [data(2, 4)]),
        (lambda x: ops.pad(x, ((1, 0), (3, 2)), "edge"), [data(2, 4)]),
        (lambda x: ops.pad(x, ((1, 0), (3, 2)), "wrap"), [data(2, 4)]),
    ],
    "relu": [(ops.relu, [apart((5, 6))])],
    "relu6": [(ops.relu6, [4 * apart((5, 6))])],
    "leaky_relu": [(ops.leaky_relu, [apart((5, 6))]), (lambda x: ops.leaky_relu(x, 0.4), [apart((5, 6))])],
    "elu": [(ops.elu, [apart((5, 6))]), (lambda x: ops.elu(x, 0.3), [apart((5, 6))])],
    "exp": [(ops.exp, [data(5, 6)])],
    "sigmoid": [(ops.sigmoid, [data(5, 6)])],
    "hard_sigmoid": [(ops.hard_sigmoid, [3 * apart((5, 6))])],
    "silu": [(ops.silu, [data(5, 6)])],
    "hard_silu": [(ops.hard_silu, [3 * apart((5, 6))])],
    "softplus": [(ops.softplus, [data(5, 6)])],
    "softsign": [(ops.softsign, [apart((5, 6))])],
    "tanh": [(ops.tanh, [data(5, 6)])],
    "softmax": [(ops.softmax, [data(4, 5)]), (lambda x: ops.softmax(x, axis=(0, 2)), [data(3, 2, 4)])],
    "log_softmax": [(ops.log_softmax, [data(4, 5)]), (lambda x: ops.log_softmax(x, axis=0), [data(4, 5)])],
    "add": [(ops.add, [data(2, 3, 4), data(3, 1)]), (ops.add, [data(1, 4), data(2, 3, 4)])],
    "multiply": [(ops.multiply, [data(2, 3, 4), data(3, 1)]), (ops.multiply, [data(1, 4), data(2, 3, 4)])],
    "subtract": [(ops.subtract, [data(2, 3, 4), data(3, 1)])],
    "divide": [(ops.divide, [data(2, 3, 4), 2 + apart((3, 1))])],
    "true_divide": [(ops.true_divide, [data(2, 3, 4), 2 + apart((3, 1))])],
    "power": [(ops.power, [3 + apart((3, 4)), data(4)])],
    "where": [(lambda a, b: ops.where(np.arange(12).reshape(3, 4) % 3 == 0, a, b), [apart((3, 4)), apart((3, 1))])],
    "maximum": [(ops.maximum, [apart((3, 4)), np.full((3, 1), 0.005)])],
    "minimum": [(ops.minimum, [apart((3, 4)), np.full((3, 1), 0.005)])],
    "clip": [(lambda x: ops.clip(x, -1, 0.5), [apart((5, 6)) + 1e-3])],
    "negative": [(ops.negative, [data(3, 4)])],
    "absolute": [(ops.absolute, [apart((3, 4))])],
    "square": [(ops.square, [data(3, 4)])],
    "sqrt": [(ops.sqrt, [3 + apart((3, 4))])],
    "rsqrt": [(ops.rsqrt, [3 + apart((3, 4))])],
    "log": [(ops.log, [3 + apart((3, 4))])],
    "max": [(ops.max, [apart((3, 4))]), (lambda x: ops.max(x, (0, -1), keepdims=True), [apart((2, 3, 4))])],
    "min": [(ops.min, [apart((3, 4))]), (lambda x: ops.min(x, axis=1), [apart((2, 3, 4))])],
    "cast": [(lambda x: ops.cast(x, x.dtype), [data(2, 3)])],
    "sum": [
        (ops.sum, [data()]),
        (ops.sum, [data(3, 4)]),
        (lambda x: ops.sum(x, (0, -1), keepdims=True), [data(2, 3, 4)]),
    ],
    "moments": [
        (lambda x: ops.moments(x, (0, 1))[0], [data(2, 3, 4)]),
        (lambda x: ops.moments(x, 1, keepdims=True)[1], [data(2, 3, 4)]),
    ],
    "var": [(ops.var, [data(3, 4)]), (lambda x: ops.var(x, 0, keepdims=True), [data(3, 4)])],
    "std": [(ops.std, [data(3, 4)]), (lambda x: ops.std(x, 1), [data(3, 4)])],
    "batch_normalization": [
        (
            lambda x, m, v, o, s: ops.batch_normalization(x, m, v, 1, o, s),
            [data(2, 3, 4), data(3), data(3) ** 2, data(3), 1 + data(3)],
        ),
        (lambda x, m, v: ops.batch_normalization(x, m, v, -1), [data(2, 4), data(4), data(4) ** 2]),
    ],
    "layer_normalization": [
        (lambda x, g, b: ops.layer_normalization(x, g, b, (1, 2)), [data(2, 3, 4), data(3, 4), data(3, 4)]),
        (lambda x: ops.layer_normalization(x, epsilon=0.1), [data(2, 5)]),
    ],
    "rms_normalization": [
        (lambda x, s: ops.rms_normalization(x, s, 1), [data(2, 3, 4), data(3)]),
        (ops.rms_normalization, [data(2, 5)]),
    ],
    "gelu": [(ops.gelu, [data(5, 6)]), (lambda x: ops.gelu(x, approximate=False), [data(5, 6)])],
    "selu": [(ops.selu, [apart((5, 6))])],
    "celu": [(lambda x: ops.celu(x, 0.5), [apart((5, 6))])],
    "glu": [(lambda x: ops.glu(x, 1), [data(2, 4, 3)])],
    "mish": [(ops.mish, [data(5, 6)])],
    "hard_tanh": [(ops.hard_tanh, [apart((5, 6))])],
    "tanh_shrink": [(ops.tanh_shrink, [data(5, 6)])],
    "soft_shrink": [(ops.soft_shrink, [apart((5, 6))])],
    "hard_shrink": [(ops.hard_shrink, [apart((5, 6))])],
    "threshold": [(lambda x: ops.threshold(x, 0.5, 3.0), [apart((5, 6))])],
    "squareplus": [(ops.squareplus, [data(5, 6)])],
    "sparse_plus": [(ops.sparse_plus, [apart((5, 6))])],
    "sparse_sigmoid": [(ops.sparse_sigmoid, [apart((5, 6))])],
    "log_sigmoid": [(ops.log_sigmoid, [data(5, 6)])],
    "sparsemax": [(ops.sparsemax, [apart((4, 5))]), (lambda x: ops.sparsemax(x, 0), [apart((4, 5))])],
    "mean": [(ops.mean, [data(3, 4)]), (lambda x: ops.mean(x, axis=1), [data(2, 3, 4)])],
    "reshape": [(lambda x: ops.reshape(x, (4, -1)), [data(2, 6)])],
    "repeat": [(lambda x: ops.repeat(x, 3, 1), [data(2, 3, 4)]), (lambda x: ops.repeat(x, 2), [data(2, 3)])],
    "expand_dims": [(lambda x: ops.expand_dims(x, (0, -1)), [data(2, 3)])],
    "squeeze": [(ops.squeeze, [data(2, 1, 3, 1)]), (lambda x: ops.squeeze(x, 1), [data(2, 1, 3, 1)])],
    "concatenate": [(lambda *xs: ops.concatenate(xs, 1), [data(2, 3, 2), data(2, 1, 2), data(2, 2, 2)])],
    "flatten": [(ops.flatten, [data(2, 3, 4)])],
    "transpose": [(ops.transpose, [data(2, 3, 4)]), (lambda x: ops.transpose(x, (1, 2, 0)), [data(2, 3, 4)])],
}
ALL = [pytest.param(*case, id=f"{name}-{i}") for name, cases in CASES.items() for i, case in enumerate(cases)]


def test_every_operation_is_here() -> None:
    created = {"convert_to_numpy", "convert_to_tensor", "full", "ones", "ones_like", "shape", "zeros", "zeros_like"}
    assert set(CASES) == set(ops.__all__) - created - {"stop_gradient"}, "all but those that make arrays"


@pytest.mark.parametrize(("function", "arrays"), ALL)
def test_against_finite_differences(function: Callable[..., Array], arrays: list[Array]) -> None:
    generator = np.random.default_rng(1)
    weights = generator.standard_normal(np.shape(function(*arrays)))
    for position, array in enumerate(arrays):
        direction = generator.standard_normal(array.shape)

        def along(t: float, position: int = position, direction: Array = direction) -> float:
            moved = [a + t * direction if i == position else a for i, a in enumerate(arrays)]
            return float((function(*moved) * weights).sum())

        with Tape([array]) as tape:
            y = function(*arrays)
        (gradient,) = tape.gradient(y, weights)
        slope = (along(STEP) - along(-STEP)) / (2 * STEP)
        assert float((gradient * direction).sum()) == pytest.approx(slope, rel=TOLERANCE, abs=TOLERANCE)


@pytest.mark.parametrize(("function", "arrays"), ALL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_shapes_and_freshness(function: Callable[..., Array], arrays: list[Array], dtype: Any) -> None:
    given = [array.astype(dtype) for array in arrays]
    copies = [array.copy() for array in given]
    with Tape(given) as tape:
        y = function(*given)
    assert isinstance(y, np.ndarray)
    assert y.dtype == dtype
    assert all(y is not array for array in given)
    for array, copy, gradient in zip(given, copies, tape.gradient(y), strict=True):
        assert gradient.dtype == dtype
        assert gradient.shape == array.shape
        np.testing.assert_array_equal(array, copy)


def test_an_array_used_twice_gets_both_gradients() -> None:
    x = np.array([2.0, 3.0])
    with Tape([x]) as tape:
        y = ops.add(ops.multiply(x, x), x)
    np.testing.assert_array_equal(tape.gradient(y)[0], 2 * x + 1)


def test_a_result_used_twice_gets_both_gradients() -> None:
    x = np.array([2.0, 3.0])
    with Tape([x]) as tape:
        square = ops.multiply(x, x)
        y = ops.multiply(square, square)
    np.testing.assert_array_equal(tape.gradient(y)[0], 4 * x**3)


def test_what_the_target_does_not_depend_on_has_gradient_zero() -> None:
    x, other = np.ones(2), np.ones((3, 1), np.float32)
    with Tape([x, other]) as tape:
        y = ops.multiply(x, x)
    gradient = tape.gradient(y)[1]
    assert (gradient.shape, gradient.dtype) == (other.shape, other.dtype)
    assert not gradient.any()


def test_a_watched_array_is_its_own_gradient_source() -> None:
    x = np.ones(2)
    with Tape([x]) as tape:
        ops.multiply(x, x)
    np.testing.assert_array_equal(tape.gradient(x, np.array([3.0, 4.0]))[0], [3.0, 4.0])


def require_unknown(tape: Tape, target: Array) -> None:
    with pytest.raises(ValueError, match=r"^Tape\.gradient: target"):
        tape.gradient(target)


def test_a_seed_of_another_dtype_or_byte_order_counts_as_the_targets() -> None:
    """What the core reads as it lies in memory must be of its dtype; and a gradient of one number is an array, too."""
    x, kernel = data(1, 3, 2), data(2, 2, 1)
    seed = np.arange(2).reshape(1, 2, 1)
    found = []
    for given in (seed, seed.astype(">f8"), seed.astype(np.float64)):
        with Tape([x, kernel]) as tape:
            y = ops.conv(x, kernel)
        found.append(tape.gradient(y, given))
    for gradients in found[:2]:
        for one, other in zip(gradients, found[2], strict=True):
            np.testing.assert_array_equal(one, other)
    with Tape([x]) as tape:
        y = ops.conv(x, kernel)
    with pytest.raises(ValueError, match=r"^Tape\.gradient: seed must have the shape of target, \(1, 2, 1\)"):
        tape.gradient(y, np.ones(2))
    number = np.array(2.0)
    with Tape([number]) as tape:
        y = ops.absolute(number)
    assert isinstance(tape.gradient(y)[0], np.ndarray)


def test_nothing_is_recorded_outside_of_a_tape_or_after_it() -> None:
    x = np.ones(2)
    with Tape([x]) as tape:
        y = ops.multiply(x, x)
    require_unknown(tape, ops.multiply(y, y))


def test_what_numpy_computed_is_refused() -> None:
    x = np.ones(2)
    with Tape([x]) as tape:
        y = ops.multiply(x, x) + 1
    require_unknown(tape, y)


def test_a_tape_plays_once() -> None:
    x = np.ones(2)
    with Tape([x]) as tape:
        y = ops.multiply(x, x)
    tape.gradient(y)
    require_unknown(tape, y)


def test_the_innermost_tape_records_and_the_outer_one_comes_back() -> None:
    x = np.full(2, 3.0)
    with Tape([x]) as outer:
        with Tape([x]) as inner:
            y = ops.multiply(x, x)
        z = ops.multiply(x, x)
    np.testing.assert_array_equal(inner.gradient(y)[0], [6.0, 6.0])
    np.testing.assert_array_equal(outer.gradient(z)[0], [6.0, 6.0])


def test_an_exception_ends_the_recording() -> None:
    x = np.ones(2)
    with pytest.raises(RuntimeError), Tape([x]) as tape:
        raise RuntimeError
    require_unknown(tape, ops.multiply(x, x))


def test_an_interrupt_is_not_lost_where_an_array_dies() -> None:
    """Python runs nothing between the two calls; a function of its own that the array's end calls would get it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        x, results = data(3), [data(3)]
        with Tape([x]):
            record(results[0], (x, lambda dy: dy))
        calls = _thread.interrupt_main, results.clear
        with pytest.raises(KeyboardInterrupt):
            list(map(operator.methodcaller("__call__"), calls))
        assert not results
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_do_not_record_on_this_tape() -> None:
    x = np.ones(2)
    results: list[Array] = []
    with Tape([x]) as tape:
        thread = Thread(target=lambda: results.append(ops.multiply(x, x)))
        thread.start()
        thread.join()
    require_unknown(tape, results[0])


def test_a_custom_operation() -> None:
    x = np.array([1.0, 2.0])
    with Tape([x]) as tape:
        y = x**3
        record(y, (x, lambda dy: dy * 3 * x**2))
    np.testing.assert_array_equal(tape.gradient(y)[0], [3.0, 12.0])
