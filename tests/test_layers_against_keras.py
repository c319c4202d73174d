"""Every layer beside Keras': outputs, gradients, losses, weights, configuration and shapes for a table of arguments."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from arrays import Array
from layer_table import CASES, MERGES
from pyconv.gradient import Tape

# Keras' torch backend computes some float64 layers in float32, Dense and means among them: ten roundings of numbers up
# to 5. A wrong tap, pad or factor would be off by a hundred thousand times that.
TOLERANCE = 5e-6
every = pytest.mark.parametrize(
    ("name", "arguments", "shape"), [pytest.param(*case, id=f"{case[0]}-{i}") for i, case in enumerate(CASES)]
)


def both(keras: ModuleType, name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The layer in both libraries, built, with the same weights: anything but their initial zeros and ones."""
    ours = getattr(pyconv.layers, name)(**arguments, dtype="float64", name="mine")
    theirs = getattr(keras.layers, name)(**arguments, dtype="float64", name="mine")
    ours.build((None, *shape[1:]))
    theirs.build((None, *shape[1:]))
    generator = np.random.default_rng(30)
    weights = [generator.uniform(0.5, 1.5, w.shape) * generator.choice([-1, 1], w.shape) for w in theirs.weights]
    for position, weight in enumerate(theirs.weights):
        if "variance" in weight.name:
            weights[position] = np.abs(weights[position])
        if weight.name == "count":  # a whole number in Keras
            weights[position] = np.zeros(weight.shape)
    ours.set_weights(weights)
    theirs.set_weights(weights)
    return ours, theirs


def inputs(shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(31).standard_normal(shape)


def numbers(tensor: Any) -> Array:
    return np.asarray(tensor.detach().numpy())


@every
@pytest.mark.parametrize("training", [False, True])
def test_outputs_and_gradients(
    name: str,
    arguments: dict[str, Any],
    shape: tuple[int, ...],
    training: bool,
    keras: ModuleType,
    torch: ModuleType,
) -> None:
    ours, theirs = both(keras, name, arguments, shape)
    x = inputs(shape)
    with Tape([x, *(w.value for w in ours.trainable_weights)]) as tape:
        y = ours(x, training=training)
    image = torch.tensor(x, requires_grad=True)
    right = theirs(image * 1, training=training)  # not the leaf itself: RandomBrightness adds in place
    np.testing.assert_allclose(y, numbers(right), rtol=TOLERANCE, atol=TOLERANCE)
    upstream = np.random.default_rng(32).standard_normal(y.shape)
    (right * torch.tensor(upstream)).sum().backward()
    gradients = [image.grad, *(w.value.grad for w in theirs.trainable_weights)]
    for mine, peers in zip(tape.gradient(y, upstream), gradients, strict=True):
        np.testing.assert_allclose(mine, numbers(peers), rtol=TOLERANCE, atol=TOLERANCE)
    for mine, peers in zip(ours.losses, theirs.losses, strict=True):
        np.testing.assert_allclose(mine, numbers(peers), rtol=TOLERANCE)
    for mine, peers in zip(ours.get_weights(), theirs.get_weights(), strict=True):  # what training moves along
        np.testing.assert_allclose(mine, peers, rtol=TOLERANCE, atol=TOLERANCE)


@every
def test_weights(name: str, arguments: dict[str, Any], shape: tuple[int, ...], keras: ModuleType) -> None:
    ours, theirs = both(keras, name, arguments, shape)
    assert [(w.name, w.shape, w.trainable) for w in ours.weights] == [
        (w.name, tuple(w.shape), w.trainable) for w in theirs.weights
    ]
    assert ours.count_params() == theirs.count_params()


@every
def test_output_shape(name: str, arguments: dict[str, Any], shape: tuple[int, ...], keras: ModuleType) -> None:
    ours, theirs = both(keras, name, arguments, shape)
    for batch in (None, shape[0]):
        asked = (batch, *shape[1:])
        assert ours.compute_output_shape(asked) == tuple(theirs.compute_output_shape(asked))


@every
def test_config(name: str, arguments: dict[str, Any], shape: tuple[int, ...], keras: ModuleType) -> None:
    """Equal but for the dtype, which Keras writes as a policy. Each library makes the layer from the other's config."""
    ours, theirs = both(keras, name, arguments, shape)
    mine, peers = (layer.get_config() | {"dtype": None} for layer in (ours, theirs))
    assert plain(mine) == plain(peers)
    again = type(theirs).from_config(ours.get_config())
    assert plain(again.get_config() | {"dtype": None}) == plain(peers)
    again = type(ours).from_config(theirs.get_config() | {"dtype": "float64"})
    assert plain(again.get_config() | {"dtype": None}) == plain(mine)


def plain(config: Any) -> Any:
    """A configuration as JSON has it, without tuples, without what is None (the default), and without drawn seeds."""
    if isinstance(config, dict):
        return {key: plain(value) for key, value in config.items() if key != "seed" and value is not None}
    return [plain(item) for item in config] if isinstance(config, list | tuple) else config


@pytest.mark.parametrize(
    ("name", "arguments", "shapes"), [pytest.param(*case, id=f"{case[0]}-{i}") for i, case in enumerate(MERGES)]
)
def test_layers_of_several_inputs(
    name: str, arguments: dict[str, Any], shapes: list[tuple[int, ...]], keras: ModuleType, torch: ModuleType
) -> None:
    generator = np.random.default_rng(33)
    ours = getattr(pyconv.layers, name)(**arguments, dtype="float64", name="mine")
    theirs = getattr(keras.layers, name)(**arguments, dtype="float64", name="mine")
    arrays = [generator.standard_normal(shape) for shape in shapes]
    with Tape(arrays) as tape:
        y = ours(arrays)
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    right = theirs(tensors)
    np.testing.assert_allclose(y, numbers(right), rtol=TOLERANCE, atol=TOLERANCE)
    upstream = generator.standard_normal(y.shape)
    (right * torch.tensor(upstream)).sum().backward()
    for mine, tensor in zip(tape.gradient(y, upstream), tensors, strict=True):
        np.testing.assert_allclose(mine, numbers(tensor.grad), rtol=TOLERANCE, atol=TOLERANCE)
    for asked in (shapes, [(None, *shape[1:]) for shape in shapes]):
        assert ours.compute_output_shape(asked) == tuple(theirs.compute_output_shape(asked))
    assert plain(ours.get_config() | {"dtype": None}) == plain(theirs.get_config() | {"dtype": None})
    function = getattr(pyconv.layers, name.lower())
    np.testing.assert_array_equal(function(arrays, dtype="float64", **arguments), y)
