"""Elementwise operations, reductions and shapes: values against torch or NumPy, extremes, NaN."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from arrays import LAYOUTS, Array, normal
from pyconv import activations, layers, ops
from pyconv.gradient import Tape

# Each op with torch's function of the same meaning.
OF_TORCH: dict[str, tuple[Callable[..., Array], Callable[[Any, Any], Any]]] = {
    "relu": (ops.relu, lambda f, x: f.relu(x)),
    "relu6": (ops.relu6, lambda f, x: f.relu6(x)),
    "leaky_relu": (ops.leaky_relu, lambda f, x: f.leaky_relu(x, 0.2)),
    "elu": (lambda x: ops.elu(x, 0.7), lambda f, x: f.elu(x, 0.7)),
    "exp": (ops.exp, lambda _, x: x.exp()),
    "sigmoid": (ops.sigmoid, lambda f, x: f.sigmoid(x)),
    "hard_sigmoid": (ops.hard_sigmoid, lambda f, x: f.hardsigmoid(x)),
    "silu": (ops.silu, lambda f, x: f.silu(x)),
    "hard_silu": (ops.hard_silu, lambda f, x: f.hardswish(x)),
    "softplus": (ops.softplus, lambda f, x: f.softplus(x, threshold=1e9)),
    "softsign": (ops.softsign, lambda f, x: f.softsign(x)),
    "tanh": (ops.tanh, lambda f, x: f.tanh(x)),
    "softmax": (ops.softmax, lambda f, x: f.softmax(x, -1)),
    "log_softmax": (ops.log_softmax, lambda f, x: f.log_softmax(x, -1)),
}
NAMES = sorted(OF_TORCH)


@pytest.mark.parametrize("name", NAMES)
def test_values_in_float64(name: str, torch: ModuleType, rng: np.random.Generator) -> None:
    """Both evaluate a few functions of the C library in float64; 1e-14 is some forty roundings."""
    ours, theirs = OF_TORCH[name]
    x = 5 * normal(rng, (40, 7), np.float64)
    right = theirs(torch.nn.functional, torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(ours(x), right, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("name", ["relu", "relu6", "leaky_relu"])
def test_gradients_at_the_kinks_are_torchs(name: str, torch: ModuleType) -> None:
    """Where finite differences say nothing."""
    ours, theirs = OF_TORCH[name]
    x = np.array([-1.0, -0.0, 0.0, 1.0, 6.0, 7.0])
    with Tape([x]) as tape:
        y = ours(x)
    leaf = torch.from_numpy(x.copy()).requires_grad_()
    theirs(torch.nn.functional, leaf).sum().backward()
    np.testing.assert_array_equal(tape.gradient(y)[0], leaf.grad.numpy())


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_as_good_as_its_digits(name: str, rng: np.random.Generator) -> None:
    """Against the same in float64: ten roundings of float32."""
    ours = OF_TORCH[name][0]
    x = 5 * normal(rng, (40, 7))
    np.testing.assert_allclose(ours(x), ours(x.astype(np.float64)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extremes_give_limits_and_no_warning(name: str, dtype: Any) -> None:
    """A RuntimeWarning of overflow would be an error here."""
    ours = OF_TORCH[name][0]
    top = float(np.finfo(dtype).max) if name not in ("softmax", "log_softmax") else 1e30
    y = ours(np.array([[-top, -100.0, 0.0, 100.0, top]], dtype))
    assert y.dtype == dtype
    assert not np.isnan(y).any()


@pytest.mark.parametrize("name", NAMES)
def test_nan_goes_through_and_stays_where_it_is(name: str) -> None:
    ours = OF_TORCH[name][0]
    y = ours(np.array([[1.0, np.nan], [1.0, 2.0]], np.float32))
    if "softmax" in name:
        assert np.isnan(y[0]).all()
    else:
        assert np.isnan(y[0, 1])
        assert not np.isnan(y[0, 0])
    assert not np.isnan(y[1]).any()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_in_memory(name: str, layout: str, rng: np.random.Generator) -> None:
    x = normal(rng, (3, 4, 5))
    ours = OF_TORCH[name][0]
    y = ours(LAYOUTS[layout](x))
    assert y.dtype == np.float32
    # Sums along strided axes may be taken in another order.
    np.testing.assert_allclose(y, ours(x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_empty_arrays(name: str) -> None:
    assert OF_TORCH[name][0](np.zeros((0, 3), np.float32)).shape == (0, 3)


def test_softmax_sums_to_one_along_its_axes(rng: np.random.Generator) -> None:
    y = ops.softmax(normal(rng, (3, 4, 5), np.float64), axis=(0, 2))
    np.testing.assert_allclose(y.sum(axis=(0, 2)), np.ones(4), rtol=1e-14)


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (1,), ()])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sum_and_mean(axis: Any, keepdims: bool, rng: np.random.Generator) -> None:
    x = normal(rng, (3, 4, 5), np.float64)
    for ours, numpys in ((ops.sum, np.sum), (ops.mean, np.mean)):
        right = numpys(x, axis=axis, keepdims=keepdims)
        y = ours(x, axis, keepdims)
        assert y.shape == np.shape(right)
        np.testing.assert_allclose(y, right, rtol=1e-13)


def test_a_long_sum_of_float32_keeps_its_digits() -> None:
    """Added one by one in float32, a tenth a million times is 100958.34."""
    assert float(ops.sum(np.full((10**6, 1), 0.1, np.float32), 0)[0]) == pytest.approx(1e5, rel=1e-7)


@pytest.mark.parametrize(
    "shapes", [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1, 4), (3, 1)), ((), (2, 2)), ((0, 3), (3,))]
)
def test_add_and_multiply_broadcast(shapes: Any, rng: np.random.Generator) -> None:
    a, b = (normal(rng, shape) for shape in shapes)
    np.testing.assert_array_equal(ops.add(a, b), a + b)
    np.testing.assert_array_equal(ops.multiply(a, b), a * b)
    assert ops.add(a, b.astype(np.float64)).dtype == np.float64


def test_shapes(rng: np.random.Generator) -> None:
    x = normal(rng, (2, 3, 4))
    np.testing.assert_array_equal(ops.reshape(x, (4, -1)), x.reshape(4, 6))
    np.testing.assert_array_equal(ops.reshape(x, 24), x.reshape(24))
    np.testing.assert_array_equal(ops.flatten(x), x.reshape(2, 12))
    np.testing.assert_array_equal(ops.transpose(x), x.T)
    np.testing.assert_array_equal(ops.transpose(x, (1, -1, 0)), x.transpose(1, 2, 0))
    assert ops.transpose(x).flags.c_contiguous
    assert ops.flatten(np.zeros((0, 3, 4))).shape == (0, 12)


def test_every_way_to_name_an_activation() -> None:
    written = {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}
    for identifier in ("relu", activations.relu, written):
        assert activations.get(identifier) is activations.relu
    layer = layers.LeakyReLU(0.5)
    np.testing.assert_array_equal(layers.Dense(2, layer, kernel_initializer="ones")([[-2.0]]), [[-1.0, -1.0]])
    for bad in ({}, {"config": 3}, 3):
        with pytest.raises(TypeError, match=r"^activations\.get: "):
            activations.get(bad)


def test_a_number_up_to_the_threshold_is_cut_off_before_it_can_be_too_large() -> None:
    """As Keras does where max_value doesn't lie above threshold."""
    x = np.array([-10.0, 5.0, 10.0])
    np.testing.assert_array_equal(activations.relu(x, 0.5, max_value=5, threshold=5), [-7.5, 0, 5])
