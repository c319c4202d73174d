"""Names, order and defaults of arguments against Keras'. Ours may leave out later ones, or add keyword-only ones."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from pyconv import activations, callbacks, initializers, layers, losses, metrics, ops, optimizers

POSITIONAL = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)

# Ours that Keras' namespace has under another name or not at all.
OWN_OPS = {"dense", "flatten", "mish"}
LAYERS = sorted(set(layers.__all__) - {"Layer", "Input", "InputLayer"})  # and their functions, like add
LOSSES = sorted(name for name in losses.__all__ if name[0].isupper() and name != "LossFunctionWrapper")
METRICS = sorted(name for name in metrics.__all__ if name[0].isupper() and name != "Metric")
CALLBACKS = sorted(set(callbacks.__all__) - {"CallbackList", "Logs", "MonitorCallback"})


def positional(function: Callable[..., Any]) -> list[tuple[str, Any]]:
    """Names and defaults of the arguments that may be given by position, self left out; tuples and lists alike."""
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, _plain(p.default)) for p in parameters if p.kind in POSITIONAL and p.name != "self"]


def _plain(default: Any) -> Any:
    return tuple(default) if isinstance(default, list) else default


def require_prefix(ours: list[tuple[str, Any]], theirs: list[tuple[str, Any]]) -> None:
    assert ours == theirs[: len(ours)]


@pytest.mark.parametrize("name", sorted(set(ops.__all__) - OWN_OPS))
def test_ops(name: str, keras: ModuleType) -> None:
    theirs = getattr(keras.ops, name)
    assert positional(getattr(ops, name)) == positional(theirs)


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str, keras: ModuleType) -> None:
    """Layers of one rank write a default as 1, others as (1, 1) or ((1, 1), (1, 1)): they mean the same."""
    ours, theirs = positional(getattr(layers, name)), positional(getattr(keras.layers, name))
    assert [n for n, _ in ours] == [n for n, _ in theirs][: len(ours)]
    # What Keras takes by position must be taken by position here, apart from names that go into **kwargs.
    assert {n for n, _ in theirs[len(ours) :]} <= {"lora_rank", "lora_alpha", "quantization_config", "name", "dtype"}
    for (argument, our_default), (_, their_default) in zip(ours, theirs, strict=False):
        if isinstance(our_default, int) and isinstance(their_default, tuple):
            assert set(np.ravel(their_default)) == {our_default}
            continue
        assert our_default == their_default, argument


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name: str, keras: ModuleType) -> None:
    require_prefix(positional(getattr(losses, name)), positional(getattr(keras.losses, name)))


@pytest.mark.parametrize("name", METRICS)
def test_metrics(name: str, keras: ModuleType) -> None:
    require_prefix(positional(getattr(metrics, name)), positional(getattr(keras.metrics, name)))


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "Adam", "AdamW", "RMSprop"])
def test_optimizers(name: str, keras: ModuleType) -> None:
    require_prefix(positional(getattr(optimizers, name)), positional(getattr(keras.optimizers, name)))


@pytest.mark.parametrize("name", ["add", "compile", "evaluate", "fit", "get_layer", "pop", "predict", "summary"])
def test_sequential(name: str, keras: ModuleType) -> None:
    """In Keras x and y may be None because a dataset brings its own labels; here they must be given; `out` is ours."""
    ours = inspect.signature(getattr(pyconv.Sequential, name)).parameters
    theirs = inspect.signature(getattr(keras.Sequential, name)).parameters
    by_position = [n for n, p in ours.items() if p.kind in POSITIONAL]
    assert by_position == list(theirs)[: len(by_position)]
    for argument, parameter in ours.items():
        assert argument in theirs or argument == "out"
        if argument not in ("x", "y", "out"):
            assert parameter.default == theirs[argument].default, argument


@pytest.mark.parametrize("name", CALLBACKS)
def test_callbacks(name: str, keras: ModuleType) -> None:
    require_prefix(positional(getattr(callbacks, name)), positional(getattr(keras.callbacks, name)))


def test_initializers(keras: ModuleType) -> None:
    names = [
        n for n in dir(initializers) if inspect.isclass(getattr(initializers, n)) and hasattr(keras.initializers, n)
    ]
    assert "GlorotUniform" in names
    for name in set(names) - {"Initializer"}:
        require_prefix(positional(getattr(initializers, name)), positional(getattr(keras.initializers, name)))


def test_activations_have_the_values_of_keras(keras: ModuleType) -> None:
    """float32 against float32: a few roundings of numbers up to 5."""
    x = np.linspace(-5, 5, 41, dtype=np.float32).reshape(1, -1)
    compared = 0
    for name in activations.__all__:
        theirs = getattr(keras.activations, name, None)
        # glu halves an axis; what Keras' torch backend calls sparsemax doesn't sum to one: it adds up running sums.
        if theirs is not None and name not in ("get", "serialize", "deserialize", "glu", "sparsemax", "threshold"):
            right = np.array(keras.ops.convert_to_numpy(theirs(keras.ops.convert_to_tensor(x))))
            np.testing.assert_allclose(getattr(activations, name)(x), right, rtol=2e-6, atol=2e-6, err_msg=name)
            compared += 1
    assert compared >= 5
