"""The MNIST network in pyconv and in Keras: the same weights give the same outputs, and one step the same weights."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array

# The bound promised to users: float32 beside float32, through eight layers of up to 576 products a sum.
TOLERANCE = 1e-5


def network(library: Any) -> Any:
    """The tutorial's network; the same words make it in either library."""
    layers = library.layers
    return library.Sequential(
        [
            layers.Input(shape=(28, 28, 1)),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def other_network(library: Any) -> Any:
    """What the tutorial's network leaves out: groups, strides, dilation, "same", average-pooling, padding, logits."""
    layers = library.layers
    return library.Sequential(
        [
            layers.Input(shape=(28, 28, 1)),
            layers.ZeroPadding2D(((1, 2), (0, 1))),
            layers.Conv2D(8, (4, 3), strides=2, padding="same", use_bias=False),
            layers.ReLU(max_value=2.0, negative_slope=0.1),
            layers.Conv2D(12, 3, padding="same", groups=4, activation="tanh"),
            # Strides 1: where "same" pads one side more, Keras' torch backend averages repeated border pixels, which
            # its TensorFlow and JAX backends and pyconv leave out.
            layers.AveragePooling2D(3, strides=1, padding="same"),
            layers.Conv2D(6, 2, dilation_rate=2, activation="sigmoid"),
            layers.Flatten(),
            layers.Dense(10),
            layers.Activation("softmax"),
        ]
    )


NETWORKS = pytest.mark.parametrize("make", [network, other_network])
OPTIMIZERS = [("SGD", {"learning_rate": 0.05}), ("SGD", {"momentum": 0.9, "nesterov": True}), ("Adam", {})]


@pytest.fixture
def digits() -> tuple[Array, Array]:
    generator = np.random.default_rng(10)
    return generator.random((32, 28, 28, 1), np.float32), generator.integers(0, 10, 32)


def pair(make: Any, keras: ModuleType) -> tuple[pyconv.Sequential, Any]:
    keras.utils.set_random_seed(1)
    ours, theirs = make(pyconv), make(keras)
    ours.set_weights(theirs.get_weights())
    return ours, theirs


def worst(left: list[Array], right: list[Array]) -> float:
    assert [array.shape for array in left] == [array.shape for array in right]
    return max(float(np.abs(a - b).max()) for a, b in zip(left, right, strict=True))


@NETWORKS
def test_weights_have_the_same_shapes_order_and_names(make: Any, keras: ModuleType) -> None:
    ours, theirs = pair(make, keras)
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    assert ours.count_params() == theirs.count_params()
    assert ours.output_shape == theirs.output_shape


@NETWORKS
def test_outputs(make: Any, keras: ModuleType, digits: tuple[Array, Array], isa: str) -> None:
    ours, theirs = pair(make, keras)
    assert worst([ours.predict(digits[0], verbose=0)], [theirs.predict(digits[0], verbose=0)]) <= TOLERANCE


@NETWORKS
@pytest.mark.parametrize(("optimizer", "arguments"), OPTIMIZERS)
def test_weights_after_a_step(
    make: Any, optimizer: str, arguments: dict[str, Any], keras: ModuleType, digits: tuple[Array, Array]
) -> None:
    ours, theirs = pair(make, keras)
    x, y = digits
    before = ours.get_weights()
    for library, model in ((pyconv, ours), (keras, theirs)):
        model.compile(getattr(library.optimizers, optimizer)(**arguments), "sparse_categorical_crossentropy")
    # Adam's first step is the gradient's sign times the rate: where a gradient is rounding noise the signs may differ.
    gradients_are_noise = optimizer == "Adam"
    mine, peers = ours.train_on_batch(x, y), theirs.train_on_batch(x, y)
    assert mine == pytest.approx(float(peers), rel=1e-5)
    moved = worst(ours.get_weights(), before)
    assert moved > 1e-4, "the step must be seen at this tolerance"
    if gradients_are_noise:
        differing = [np.abs(a - b) > TOLERANCE for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True)]
        assert sum(d.sum() for d in differing) <= 1e-3 * ours.count_params()
    else:
        assert worst(ours.get_weights(), theirs.get_weights()) <= TOLERANCE


def test_fit_and_evaluate_report_the_same(keras: ModuleType, digits: tuple[Array, Array]) -> None:
    """Two epochs of uneven batches without shuffling; float32 steps drift apart by a little."""
    ours, theirs = pair(network, keras)
    x, y = digits
    histories, reports = [], []
    for library, model in ((pyconv, ours), (keras, theirs)):
        model.compile(library.optimizers.SGD(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
        arguments = {"batch_size": 10, "epochs": 2, "shuffle": False, "validation_split": 0.25, "verbose": 0}
        histories.append(model.fit(x, y, **arguments).history)
        reports.append(model.evaluate(x, y, batch_size=10, verbose=0))
    assert histories[0].keys() == histories[1].keys()
    for name, values in histories[0].items():
        assert values == pytest.approx(histories[1][name], rel=1e-4), name
    assert reports[0] == pytest.approx([float(value) for value in reports[1]], rel=1e-4)
