"""Memory of training: none of it stays, no more of it is used than must be, and memory_plan tells how much that is.

tracemalloc sees NumPy's arrays and the core's results, not its workspaces.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pyconv
from pyconv import Model, Sequential, _core, applications, layers


def peak_of(function: Callable[[], object]) -> int:
    """The most that a call allocates at once; the one before it makes plans and keeps packed weights."""
    function()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        function()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def digits() -> Sequential:
    return Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Dropout(0.5, seed=1),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def residual() -> Model:
    x = layers.Input((24, 24, 8))
    y = layers.SeparableConv2D(8, 3, padding="same")(x)
    y = layers.Activation("relu")(layers.add([x, y]))
    y = layers.concatenate([y, layers.Conv2DTranspose(8, 3, padding="same")(y)])
    return Model(x, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(y)))


def mobile() -> Model:
    return applications.MobileNetV2(weights=None, input_shape=(64, 64, 3), classes=10)


def batch_for(model: Model, size: int) -> tuple[Any, Any]:
    shape = model.input_shape
    assert shape is not None
    x = np.random.default_rng(1).random((size, *shape[1:]), dtype=np.float32)
    return x, np.arange(size) % 10


MODELS = pytest.mark.parametrize(("make", "batch"), [(digits, 32), (residual, 16), (mobile, 4)])


@MODELS
def test_the_plan_of_inference_is_near_what_is_measured(make: Callable[[], Model], batch: int, threads: int) -> None:
    """A program's memory, that of convolutions, and results; within a quarter, for that of chains isn't counted.

    Convolutions of two threads need half of it where one happens to be done before the other begins.
    """
    model = make()
    plan = model.memory_plan(batch)
    x, _ = batch_for(model, batch)
    model.predict_on_batch(x)
    pyconv.release_workspaces()
    measured = peak_of(lambda: model.predict_on_batch(x)) + _core.kept_workspace_bytes()
    planned = plan.inference_activations + plan.inference_workspace
    assert 0.75 * measured <= planned
    assert threads == 2 or planned <= 1.25 * measured


@MODELS
def test_the_plan_of_training_is_near_what_is_measured(make: Callable[[], Model], batch: int) -> None:
    """A quarter in both directions: gradients that are one array count twice, and what an operation holds doesn't."""
    model = make()
    plan = model.memory_plan(batch)
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = batch_for(model, batch)
    measured = peak_of(lambda: model.train_on_batch(x, y))
    assert plan.activations_and_gradients == pytest.approx(measured, rel=0.25)
    assert plan.training > plan.inference > plan.weights == sum(w.value.nbytes for w in model.weights)


def test_the_plan_is_exact_where_it_can_be_worked_out() -> None:
    model = Sequential([layers.Input((10,)), layers.Dense(20, activation="relu"), layers.Dense(3)])
    lines = 4 * 64  # the core's results begin at a cache line, for which there is some room in front of each

    def kept(size: int) -> Any:
        return pytest.approx(size, abs=lines)

    plan = model.memory_plan(100)
    assert plan.weights == plan.weight_gradients == (10 * 20 + 20 + 20 * 3 + 3) * 4
    assert plan.inference_activations == kept(100 * 3 * 4)  # the result; between the two lies one sample a thread
    # Either Dense's input; relu's gradient needs its result alone.
    assert plan.kept_activations == kept(100 * (10 + 20) * 4)
    model.layers[0].trainable = False
    assert model.memory_plan(100).kept_activations == kept(100 * 20 * 4)
    model.trainable = False
    assert model.memory_plan(100).kept_activations == 0


@pytest.mark.parametrize(
    "make", [lambda: layers.AveragePooling2D(9, 1), lambda: layers.UpSampling2D(2, interpolation="bilinear")]
)
def test_the_scratch_of_pools_and_other_sizes_is_counted(make: Callable[[], layers.Layer], threads: int) -> None:
    """Rows that each thread works with."""
    model = Sequential([layers.Input((40, 40, 64)), make()])
    (step,) = model.plan(1).steps
    assert model.memory_plan(1).inference_workspace == step.workspace >= threads * 40 * 64 * 4


def test_samples_at_once_each_have_the_scratch_of_one_thread() -> None:
    model = Sequential([layers.Input((40, 40, 64)), layers.Conv2D(64, 3)])
    before, scratch = _core.get_num_threads(), {}
    try:
        for count in (1, 2):
            _core.set_num_threads(count)
            scratch[count] = model.memory_plan(2).inference_workspace
    finally:
        _core.set_num_threads(before)
    assert scratch[2] == 2 * scratch[1] > 0


def test_a_plan_changes_nothing() -> None:
    model = digits()
    weights = model.get_weights()
    pyconv.seed(5)
    drawn = pyconv.random.generator().random()
    x, _ = batch_for(model, 4)
    dropped = digits().layers[5](x, training=True)
    pyconv.seed(5)
    model.memory_plan(8)
    assert pyconv.random.generator().random() == drawn
    np.testing.assert_array_equal(model.layers[5](x, training=True), dropped)
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_plans_that_cannot_be_made() -> None:
    with pytest.raises(ValueError, match=r"Sequential.memory_plan: build the model"):
        Sequential([layers.Dense(3)]).memory_plan(4)
    with pytest.raises(ValueError, match=r"all sizes of the input must be known.*\(None, None, 3\)"):
        Sequential([layers.Input((None, 3)), layers.Conv1D(2, 3)]).memory_plan(4)
    with pytest.raises(ValueError, match=r"`batch_size` should be a positive integer"):
        digits().memory_plan(0)
    with pytest.raises(TypeError, match=r"Expected an integer value for `batch_size`"):
        digits().memory_plan("all")  # type: ignore[arg-type]


def test_training_keeps_nothing_from_step_to_step() -> None:
    """200 more steps add nothing but Python's own small change: 100 kB bears half a kilobyte a step."""
    model = Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = batch_for(model, 8)
    for _ in range(20):
        model.train_on_batch(x, y)
    gc.collect()
    tracemalloc.start()
    try:
        model.train_on_batch(x, y)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(200):
            model.train_on_batch(x, y)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 100_000
    finally:
        tracemalloc.stop()


def test_a_step_needs_no_cycle_collector() -> None:
    """Activations go as soon as they are used, not when the collector comes by."""
    model = digits()
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = batch_for(model, 32)
    gc.collect()
    gc.disable()
    try:
        first = peak_of(lambda: model.train_on_batch(x, y))
        third = peak_of(lambda: [model.train_on_batch(x, y) for _ in range(3)])
    finally:
        gc.enable()
    assert third < 1.1 * first
