"""GradientTape and value_and_grad: gradients in somebody's own loop, none of them lost silently."""

from __future__ import annotations

import gc
import weakref
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array, normal
from pyconv import Variable, layers, losses, ops, optimizers
from pyconv.gradient import Tape, record
from pyconv.operators import TracedArray


def small_model(dtype: str = "float64") -> pyconv.Sequential:
    inner = pyconv.Sequential([layers.Conv2D(3, 3, activation="relu", dtype=dtype)], name="inner")
    head = [inner, layers.GlobalAveragePooling2D(dtype=dtype), layers.Dense(2, dtype=dtype)]
    return pyconv.Sequential([layers.Input((6, 6, 2), dtype=dtype), *head])


@pytest.fixture
def model() -> pyconv.Sequential:
    pyconv.seed(3)
    return small_model()


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[Array, Array]:
    return normal(rng, (4, 6, 6, 2), np.float64), normal(rng, (4, 2), np.float64)


def test_gradients_of_a_model_against_finite_differences(model: pyconv.Sequential, data: tuple[Array, Array]) -> None:
    x, y = data

    def loss_of() -> Any:
        kernel = model.get_layer("inner").layers[0].kernel  # type: ignore[attr-defined]
        return losses.MeanSquaredError()(y, model(x, training=True)) + 0.1 * ops.sum(abs(kernel) ** 3)

    loss, gradients = pyconv.value_and_grad(loss_of, model)()
    assert type(loss) is np.ndarray
    assert [g.shape for g in gradients] == [w.shape for w in model.trainable_weights]
    step, generator = 1e-6, np.random.default_rng(4)
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        direction, before = generator.standard_normal(weight.shape), weight.numpy()
        moved = []
        for sign in (1, -1):
            weight.assign(before + sign * step * direction)
            moved.append(float(loss_of()))
        weight.assign(before)
        # The quotient's error: step ** 2 times a third derivative, and rounding of 1e-16 / step.
        assert (gradient * direction).sum() == pytest.approx((moved[0] - moved[1]) / (2 * step), rel=1e-6, abs=1e-8)


def test_a_loop_of_ones_own_does_what_fit_does(data: tuple[Array, Array]) -> None:
    x, y = data
    pyconv.seed(5)
    fitted = small_model("float32")
    mine = pyconv.models.clone_model(fitted)
    mine.set_weights(fitted.get_weights())
    fitted.compile(optimizers.Adam(0.1), "mse")
    fitted.fit(x, y, epochs=3, batch_size=4, shuffle=False, verbose=0)
    optimizer, loss = optimizers.Adam(0.1), losses.MeanSquaredError()
    step = pyconv.value_and_grad(lambda: loss(y, mine(x, training=True)), mine)
    for _ in range(3):
        optimizer.apply(step()[1], mine.trainable_weights)
    for a, b in zip(mine.get_weights(), fitted.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_that_the_first_call_makes(rng: np.random.Generator) -> None:
    layer = layers.Dense(2)
    x = normal(rng, (3, 4))
    _, (kernel, bias) = pyconv.value_and_grad(lambda: ops.sum(layer(x)), layer)()
    np.testing.assert_allclose(kernel, np.repeat(x.sum(axis=0)[:, None], 2, axis=1), rtol=1e-5)  # sums of 3 in float32
    np.testing.assert_array_equal(bias, [3, 3])


def test_regularizers_and_added_losses_have_gradients() -> None:
    layer = layers.Dense(1, kernel_initializer="ones", kernel_regularizer="l2", use_bias=False)
    with pyconv.GradientTape() as tape:
        loss = ops.sum(layer([[0.0, 0.0]])) + sum(layer.losses)
    (gradient,) = tape.gradient(loss, layer.trainable_weights)
    np.testing.assert_allclose(gradient, [[0.02], [0.02]], rtol=1e-6)  # 2 * 0.01 * 1 in float32


def test_gradients_of_an_input_and_of_feature_maps(model: pyconv.Sequential, data: tuple[Array, Array]) -> None:
    """One score's gradients at both ends of the dense layer, as saliency maps and Grad-CAM need them."""
    x = data[0]
    inner, pool, dense = model.layers
    with pyconv.GradientTape() as tape:
        pixels = tape.watch(x)
        maps = inner(pixels)
        score = ops.sum(dense(pool(maps))[:, 1])
    by_pixel, by_map = tape.gradient(score, [pixels, maps])
    np.testing.assert_allclose(by_map, np.broadcast_to(dense.kernel.numpy()[:, 1] / 16, maps.shape), rtol=1e-12)
    with Tape([x]) as plain:
        y = inner(x)
    np.testing.assert_array_equal(by_pixel, plain.gradient(y, by_map)[0])


def test_a_structure_of_sources_and_other_results() -> None:
    weights = {"a": Variable([1.0, 2.0]), "b": [np.array([3.0])]}

    def loss_of(scale: float) -> Any:
        product = weights["a"] * weights["b"][0]  # type: ignore[index]
        return ops.sum(product) * scale, product

    (loss, product), gradients = pyconv.value_and_grad(loss_of, weights)(2)
    assert float(loss) == 18
    np.testing.assert_array_equal(product, [3, 6])
    assert type(product) is np.ndarray
    np.testing.assert_array_equal(gradients["a"], [6, 6])
    np.testing.assert_array_equal(gradients["b"][0], [6])
    _, gradient = pyconv.value_and_grad(lambda: ops.sum(weights["a"]), weights["a"])()
    np.testing.assert_array_equal(gradient, [1, 1])


def test_stop_gradient() -> None:
    w = Variable([3.0])
    _, gradient = pyconv.value_and_grad(lambda: ops.sum(ops.stop_gradient(w) * w), w)()
    np.testing.assert_array_equal(gradient, [3])


def test_two_tapes_at_once(data: tuple[Array, Array]) -> None:
    """As two networks that play against each other are trained."""
    first, second = Variable([2.0]), Variable([5.0])
    with pyconv.GradientTape([first]) as a, pyconv.GradientTape([second]) as b:
        product = first * second
        one, other = ops.sum(product), ops.sum(product * product)
    np.testing.assert_array_equal(a.gradient(one, first), [5])
    np.testing.assert_array_equal(b.gradient(other, second), [2 * 10 * 2])


def test_two_tapes_that_share_a_convolution(rng: np.random.Generator) -> None:
    """Its one run gives the gradients of kernel and bias: neither may come from the other tape's loss."""
    layer = layers.Conv2D(2, 3, dtype="float64")
    x = normal(rng, (1, 4, 4, 1), np.float64)
    layer.build(x.shape)
    with pyconv.GradientTape([layer.kernel]) as a, pyconv.GradientTape([layer.bias]) as b:
        y = layer(x)
        one, other = ops.sum(y), ops.sum(y * 3)
    a.gradient(one, layer.kernel)
    np.testing.assert_allclose(b.gradient(other, layer.bias), [12, 12], rtol=1e-12)


FUNCTIONS = [name for name in losses.__all__ if name.islower() and name not in ("get", "serialize", "deserialize")]
CLASSES = sorted(set(losses.__all__) - {*FUNCTIONS, "Loss", "LossFunctionWrapper", "get", "serialize", "deserialize"})


@pytest.mark.parametrize("name", [*FUNCTIONS, *CLASSES])
def test_losses_give_results_whose_operators_are_recorded(name: str) -> None:
    loss = getattr(losses, name) if name in FUNCTIONS else getattr(losses, name)()
    y_pred = np.random.default_rng(1).uniform(0.1, 0.9, (4, 3))
    y_true = np.array([0, 1, 2, 0]) if "sparse" in name.lower() else np.eye(3)[[0, 1, 2, 0]]
    with Tape([y_pred]) as tape:
        value = loss(y_true, y_pred)
    _, gradient = pyconv.value_and_grad(lambda: ops.sum(loss(y_true, y_pred) * 2), y_pred)()
    np.testing.assert_array_equal(gradient, tape.gradient(value)[0] * 2)


def test_what_one_may_do_with_a_result_in_the_block() -> None:
    with pyconv.GradientTape():
        y = ops.relu(np.array([1.0, -2.0, 3.0]))
        total = ops.sum(y)
        assert isinstance(y, TracedArray)
        np.testing.assert_array_equal(y > 1, [False, False, True])
        np.testing.assert_array_equal(y >= 1, [True, False, True])
        np.testing.assert_array_equal(y <= 0, [False, True, False])
        np.testing.assert_array_equal(y < 1, [False, True, False])
        np.testing.assert_array_equal(y == 3, [False, False, True])
        np.testing.assert_array_equal(y != 3, [True, True, False])
        assert bool(total == 4)
        assert total
        assert f"{total:.2f} {float(total)} {len(y)}" == "4.00 4.0 3"
        np.testing.assert_array_equal(y.numpy(), [1, 0, 3])
    np.testing.assert_array_equal(np.asarray(y) + np.array(y), [2, 0, 6])  # outside nothing can be lost any more


w = Variable([1.0, 2.0], name="w")
LOST = {
    "a ufunc of a result": lambda: ops.sum(np.exp(ops.multiply(w, 2))),
    "a function of a result": lambda: np.mean(ops.multiply(w, 2)),
    "an array of a result": lambda: ops.sum(np.asarray(ops.multiply(w, 2))),
    "a ufunc of a weight": lambda: ops.sum(np.exp(w)),
    "a function of a weight": lambda: np.mean(w),
    "an array of a weight": lambda: ops.sum(np.array(w)),
}


@pytest.mark.parametrize("loss_of", LOST.values(), ids=LOST)
def test_numpy_is_refused_where_a_gradient_would_be_lost(loss_of: Any) -> None:
    with pytest.raises(TypeError, match=r"NumPy leaves no gradients|does not support ufuncs"):
        pyconv.value_and_grad(loss_of, w)()


def test_losses_that_are_none() -> None:
    other = Variable([1.0], name="other")
    with pytest.raises(ValueError, match=r"value_and_grad: the loss must be one number.*of shape \(2,\)"):
        pyconv.value_and_grad(lambda: w * 2, w)()
    with pytest.raises(TypeError, match=r"target must be a result of pyconv.ops.*Received: 3.0"):
        pyconv.value_and_grad(lambda: 3.0, w)()
    with pytest.raises(ValueError, match=r"must be the result of pyconv.ops on watched arrays"):
        pyconv.value_and_grad(lambda: ops.sum(w.numpy()), w)()
    with pytest.raises(ValueError, match=r"doesn't depend on all sources.*no way to other\."):
        pyconv.value_and_grad(lambda: ops.sum(w * 1), [w, other])()
    _, (_, zeros) = pyconv.value_and_grad(lambda: ops.sum(w * 1), [w, other], allow_unused=True)()
    np.testing.assert_array_equal(zeros, [0])


def test_sources_that_are_none() -> None:
    with pytest.raises(TypeError, match=r"value_and_grad: gradients are those of weights and of arrays.*Received: 'w'"):
        pyconv.value_and_grad(lambda: 0, "w")
    with pytest.raises(TypeError, match=r"float32 or float64. Received: array\(\[1, 2\]\)"):
        pyconv.value_and_grad(lambda: 0, np.array([1, 2]))
    with pytest.raises(TypeError, match=r"value_and_grad: loss_fn must be a function\. Received: 3"):
        pyconv.value_and_grad(3, w)  # type: ignore[arg-type]


def test_a_tape_plays_once_and_not_within_another() -> None:
    with pyconv.GradientTape() as tape:
        loss = ops.sum(w * 1)
    tape.gradient(loss, w)
    with pytest.raises(ValueError, match="a tape gives gradients once"):
        tape.gradient(loss, w)
    with pyconv.GradientTape(), pytest.raises(ValueError, match="gradients of gradients aren't supported"):
        pyconv.value_and_grad(lambda: ops.sum(w * w), w)()


def test_an_error_in_the_block_leaves_nothing_behind() -> None:
    with pytest.raises(ZeroDivisionError), pyconv.GradientTape():
        1 / 0  # noqa: B018
    assert type(ops.sum(w)) is np.ndarray


def test_a_tape_that_is_never_played_keeps_nothing_alive() -> None:
    """Neither by a cycle that waits for the garbage collector nor by what an operation's function doesn't need."""
    x = np.ones((4, 4))
    gc.disable()
    try:
        with Tape([x]) as tape:
            hidden = ops.add(x, 1)
            seen = weakref.ref(hidden)
            kept = ops.square(ops.add(hidden, 1))
            del hidden
            assert seen() is None  # nothing needs it for a gradient
        held = weakref.ref(kept)
        del kept, tape
        assert held() is None
    finally:
        gc.enable()


NEEDS_NO_INPUT = {
    "add": lambda x: ops.add(x, x),
    "average_pool": lambda x: ops.average_pool(x, 2),
    "cast": lambda x: ops.cast(x, "float32"),
    "concatenate": lambda x: ops.concatenate([x, x]),
    "gelu": ops.gelu,
    "get_item": lambda x: ops.get_item(x, [0, 0]),
    "leaky_relu": ops.leaky_relu,
    "mean": ops.mean,
    "multiply": lambda x: ops.multiply(x, 2),
    "pad": lambda x: ops.pad(x, 1),
    "pad_edge": lambda x: ops.pad(x, 1, "edge"),
    "relu": ops.relu,
    "sigmoid": ops.sigmoid,
    "softmax": ops.softmax,
    "subtract": lambda x: ops.subtract(x, 1),
    "sum": lambda x: ops.sum(x, 0),
    "transpose": ops.transpose,
    "divide": lambda x: ops.divide(x, 2),
    "Cropping2D": layers.Cropping2D(1, dtype="float64"),
    "Resizing": layers.Resizing(3, 3, dtype="float64"),
    "LayerNormalization": layers.LayerNormalization(dtype="float64"),
}


@pytest.mark.parametrize("function", NEEDS_NO_INPUT.values(), ids=NEEDS_NO_INPUT)
def test_an_input_is_let_go_where_its_gradient_needs_none_of_it(function: Any) -> None:
    weight = np.ones((2, 4, 4, 3))
    with Tape([weight]) as tape:
        x = ops.square(weight)
        seen = weakref.ref(x)
        y = function(x)
        del x
        assert seen() is None
    assert np.isfinite(tape.gradient(y)[0]).all()


def test_an_id_that_comes_back_belongs_to_another_array() -> None:
    x = np.ones(3)
    with Tape([x]) as tape:
        for _ in range(1000):  # each result dies before the next is made, mostly at the same address
            record(np.empty(3), (x, lambda dy: dy))
        constant = np.ones(3)
        y = ops.multiply(x, constant)
    np.testing.assert_array_equal(tape.gradient(y)[0], [1, 1, 1])
    with Tape([x]) as tape:
        stale = [id(ops.add(x, 1)) for _ in range(1000)]
        unrelated = next((a for a in (np.empty(3) for _ in range(1000)) if id(a) in stale), None)
        if unrelated is not None:
            with pytest.raises(ValueError, match="watched arrays"):
                tape.gradient(unrelated)


def test_many_gradients_of_one_array_are_added_up() -> None:
    """The second sum is made in place; no other gradient may change by it."""
    x, y = np.ones(3), np.full(3, 2.0)
    with Tape([x, y]) as tape:
        total = ops.add(x, y)
        for _ in range(5):
            total = ops.add(total, x)
    for got, right in zip(tape.gradient(total, np.arange(3.0)), [6, 1], strict=True):
        np.testing.assert_array_equal(got, np.arange(3.0) * right)


def test_against_torch(model: pyconv.Sequential, data: tuple[Array, Array], torch: ModuleType) -> None:
    x, y = data
    loss, gradients = pyconv.value_and_grad(lambda: losses.MeanSquaredError()(y, model(x)), model)()
    kernel, bias, weights, offset = (torch.tensor(w, requires_grad=True) for w in model.get_weights())
    images = torch.tensor(x).permute(0, 3, 1, 2)
    maps = torch.relu(torch.nn.functional.conv2d(images, kernel.permute(3, 2, 0, 1), bias)).mean(dim=(2, 3))
    right = ((maps @ weights + offset - torch.tensor(y)) ** 2).mean()
    right.backward()
    assert float(loss) == pytest.approx(float(right.detach()), rel=1e-12)
    for mine, peer in zip(gradients, (kernel, bias, weights, offset), strict=True):
        np.testing.assert_allclose(mine, peer.grad.numpy(), rtol=1e-10, atol=1e-12)  # sums of 64 in float64


def test_a_number_on_the_left_of_a_traced_array() -> None:
    """d(3 / x) = -3 / x^2 and d(2^x) = ln 2 * 2^x, at x = 2."""
    x = Variable([2.0], dtype="float64")
    for function, slope in ((lambda v: 3 / v, -0.75), (lambda v: 2**v, np.log(2) * 4)):
        with pyconv.GradientTape() as tape:
            result = ops.sum(function(x))
        np.testing.assert_allclose(tape.gradient(result, x), [slope], rtol=1e-12)
