"""What a convolution does to its results before it writes them: bias, residual and activation, by every algorithm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import problems
from arrays import Array, conv_shapes, integers, normal
from guards import Guarded, blank
from plans import plan
from pyconv import Sequential, _core, activations, layers, ops
from pyconv.gradient import Tape

SLOPE = 0.25
ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.minimum(np.maximum(x, 0), 6),
    "leaky_relu": lambda x: np.where(x < 0, SLOPE * x, x),
}
LINES = {
    "few_channels": "mb2_ic13ih9iw12_oc5oh5ow6_kh3kw3_sh2sw2_ph1pw1",
    "direct": "mb2_ic5ih9iw12_oc37oh5ow6_kh3kw3_sh2sw2_ph1pw1",
    "winograd4": "mb2_ic24ih11iw13_oc37oh11ow13_kh3kw3_ph1pw1",
    "winograd2": "mb2_ic24ih11iw13_oc37oh11ow13_kh3kw3_ph1pw1",
    "winograd2_5x5": "mb2_ic24ih11iw13_oc37oh11ow13_kh5kw5_ph2pw2",
    "winograd3_stride2": "mb2_ic5ih19iw12_oc37oh10ow6_kh3kw3_sh2sw2_ph1pw1",
    "winograd4_line3": "mb2_ic24ih11iw13_oc37oh11ow13_kh1kw3_ph0pw1",
    "winograd4_line5": "mb2_ic70ih11iw13_oc37oh11ow13_kh5kw1_ph2pw0",
    "winograd2_line7": "mb2_ic80ih11iw13_oc37oh11ow13_kh1kw7_ph0pw3",
    "strassen": "mb2_ic24ih9iw13_oc74oh9ow13_kh1kw1",
    "depthwise": "g37mb2_ic37ih9iw12_oc37oh9ow12_kh3kw3_ph1pw1",
    "grouped": "g13mb2_ic39ih9iw12_oc39oh9ow12_kh3kw3_ph1pw1",
    "reference": "mb2_ic5ih9iw12_oc37oh5ow6_kh3kw3_sh2sw2_ph1pw1",
}
by_activation = pytest.mark.parametrize("activation", ACTIVATIONS)


def test_every_algorithm_has_a_problem() -> None:
    forward = {name for name in _core.conv_algorithms() if not name.endswith(("_weights", "_transposed"))}
    assert set(LINES) == forward


def run(algorithm: str, activation: str, residual: Array | None, arrays: list[Array]) -> Array:
    x, kernel, bias, y = arrays
    made = plan(
        problems.parse(LINES[algorithm]),
        "forward",
        x.dtype.name,
        algorithm,
        activation=activation,
        negative_slope=SLOPE if activation == "leaky_relu" else 0.0,
    )
    result = blank(y.shape, y.dtype)
    made.run(x, kernel, bias, result.array, None if residual is None else Guarded(residual).array)
    result.check()
    return result.array


@pytest.mark.parametrize(
    ("algorithm", "dtype"), [(name, "float32") for name in LINES] + [("direct", "float64"), ("depthwise", "float64")]
)
@by_activation
@pytest.mark.parametrize("with_residual", [False, True])
def test_the_epilogue_of_the_plain_result(
    algorithm: str, activation: str, with_residual: bool, dtype: str, isa: str, threads: int, rng: np.random.Generator
) -> None:
    """Whole numbers, so plain sums don't round. Winograd's do, and the bias may be fused into another product there."""
    arrays = [integers(rng, shape, dtype) for shape in conv_shapes(problems.parse(LINES[algorithm]))]
    residual = integers(rng, arrays[3].shape, dtype) if with_residual else None
    plain = run(algorithm, "linear", None, arrays)
    expected = ACTIVATIONS[activation](plain if residual is None else plain + residual)
    tolerance = 1e-5 * np.abs(plain).max() if algorithm.startswith("winograd") else 0.0
    np.testing.assert_allclose(run(algorithm, activation, residual, arrays), expected, rtol=0, atol=tolerance)


TRANSPOSED = [name for name in LINES if "stride2" not in name]  # that one goes forward alone


@pytest.mark.parametrize("algorithm", [*TRANSPOSED, "skipping"])
@pytest.mark.parametrize("activation", ["linear", "relu6", "leaky_relu"])
def test_a_transposed_convolution(
    algorithm: str, activation: str, isa: str, threads: int, rng: np.random.Generator
) -> None:
    """A data gradient with bias and activation, also of pixels that no window reaches."""
    skipping = "mb2_ic5ih9iw12_oc37oh3ow4_kh2kw2_sh3sw3"
    problem = problems.parse(LINES.get(algorithm, skipping))
    x, kernel, _, y = (integers(rng, shape) for shape in conv_shapes(problem))
    bias = integers(rng, x.shape[-1:])
    slope = SLOPE if activation == "leaky_relu" else 0.0
    options: dict[str, Any] = {"algorithm": "direct" if algorithm == "skipping" else algorithm, "precision": "fast"}
    plain, fused = blank(x.shape, x.dtype), blank(x.shape, x.dtype)
    plan(problem, "backward_data", **options).run(plain.array, kernel, None, y)
    made = plan(problem, "backward_data", activation=activation, negative_slope=slope, **options)
    made.run(fused.array, made.pack(kernel), bias, y)
    fused.check()
    tolerance = 1e-5 * np.abs(plain.array).max() if algorithm.startswith("winograd") else 0.0
    expected = ACTIVATIONS[activation](plain.array + bias)
    np.testing.assert_allclose(fused.array, expected, rtol=0, atol=tolerance)


def test_results_that_are_added_up_get_their_bias_once(isa: str, threads: int, rng: np.random.Generator) -> None:
    problem = problems.parse("mb3_ic37ih11iw13_oc70oh9ow11_kh3kw3")
    x, kernel, _, y = (integers(rng, shape) for shape in conv_shapes(problem))
    bias = integers(rng, x.shape[-1:])
    made = plan(problem, "backward_data", algorithm="winograd4_transposed")
    plain, biased = blank(x.shape, x.dtype), blank(x.shape, x.dtype)
    made.run(plain.array, kernel, None, y)
    made.run(biased.array, kernel, bias, y)
    biased.check()
    np.testing.assert_allclose(biased.array, plain.array + bias, rtol=0, atol=1e-5 * np.abs(plain.array).max())


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_results_that_are_added_up_refuse_an_activation(activation: str) -> None:
    made = plan(problems.parse("mb64_ic64ih5_oc64oh3_kh3"), "backward_data", activation=activation)
    assert (made.algorithm == "winograd4_transposed") == (activation == "linear")


@pytest.mark.parametrize("algorithm", LINES)
def test_the_residual_may_be_the_result(algorithm: str, isa: str, rng: np.random.Generator) -> None:
    arrays = [integers(rng, shape) for shape in conv_shapes(problems.parse(LINES[algorithm]))]
    made = plan(problems.parse(LINES[algorithm]), algorithm=algorithm, activation="relu")
    expected = run(algorithm, "relu", arrays[3], arrays)
    x, kernel, bias, y = arrays
    assert made.run(x, kernel, bias, y, y) is y
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("algorithm", ["direct", "depthwise", "reference"])
@by_activation
def test_nan_and_infinity(algorithm: str, activation: str, isa: str) -> None:
    """A slope of zero must not be multiplied with infinity."""
    arrays = [np.zeros(shape, np.float32) for shape in conv_shapes(problems.parse(LINES[algorithm]))]
    arrays[2][:3] = np.nan, np.inf, -np.inf
    expected = ACTIVATIONS[activation](np.broadcast_to(arrays[2], arrays[3].shape))
    np.testing.assert_array_equal(run(algorithm, activation, None, arrays), expected)


def test_bad_arguments(rng: np.random.Generator) -> None:
    problem = problems.parse(LINES["direct"])
    with pytest.raises(ValueError, match=r"activation must be linear, .*tanh"):
        plan(problem, activation="tanh")
    with pytest.raises(ValueError, match="activation must be linear for backward_weights"):
        plan(problem, "backward_weights", activation="relu")
    x, kernel, bias, y = (integers(rng, shape) for shape in conv_shapes(problem))
    with pytest.raises(ValueError, match="residual must have shape"):
        plan(problem).run(x, kernel, bias, y, y[:1])
    with pytest.raises(ValueError, match="residual must be None but for forward"):
        plan(problem, "backward_data").run(x, kernel, bias, y, y)


def test_a_result_that_the_core_makes_begins_at_a_cache_line(rng: np.random.Generator) -> None:
    problem = problems.parse(LINES["direct"])
    x, kernel, bias, y = (integers(rng, shape) for shape in conv_shapes(problem))
    made = plan(problem)
    results = [made.run(x, kernel, bias) for _ in range(5)]
    assert {result.ctypes.data % 64 for result in results} == {0}
    assert results[0].flags.carray
    np.testing.assert_array_equal(results[0], made.run(x, kernel, bias, y))


@by_activation
@pytest.mark.parametrize("make", [layers.Conv2D, layers.Dense])
def test_a_layer_is_as_if_the_activation_came_after(make: Any, activation: str, rng: np.random.Generator) -> None:
    """Results and, through a tape, the gradients of weights and input."""
    arguments = (4, 3) if make is layers.Conv2D else (4,)
    fused = make(*arguments, activation=activation, dtype="float64")
    x = normal(rng, (2, 6, 7, 3), np.float64)
    upstream = normal(rng, fused(x).shape, np.float64)
    plain = make(*arguments, dtype="float64")
    plain.build(x.shape)
    plain.set_weights(fused.get_weights())

    def gradients(layer: Any, after: Any) -> list[Array]:
        with Tape([x, *(weight.value for weight in layer.weights)]) as tape:
            y = after(layer(x))
        return [y, *tape.gradient(y, upstream)]

    apart = gradients(plain, getattr(activations, activation))
    for one, other in zip(gradients(fused, lambda y: y), apart, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)  # float64 to a few thousand eps


def test_an_activation_may_be_changed_after_the_layer_is_built(rng: np.random.Generator) -> None:
    layer = layers.Conv2D(4, 3, activation="relu")
    x = normal(rng, (1, 5, 5, 2))
    after = layer(x)
    layer.activation = activations.linear
    before = layer(x)
    assert before.min() < 0
    np.testing.assert_array_equal(after, ops.relu(before))
    layer.activation = np.tanh
    np.testing.assert_array_equal(layer(x), np.tanh(before))


def test_a_model_trains_with_fused_activations(rng: np.random.Generator) -> None:
    """The gradients of a chain: were one of them missing, a weight would stay as it was."""
    model = Sequential([layers.Conv2D(4, 3, activation=name) for name in ("relu", "leaky_relu", "relu6")])
    x = normal(rng, (2, 9, 9, 2))
    model(x)
    before = model.get_weights()
    model.compile("sgd", "mse")
    model.fit(x, np.ones((2, 3, 3, 4), np.float32), verbose=0)
    assert not any(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))
