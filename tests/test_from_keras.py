"""from_keras: live models of Keras 3, and of what answers like tf.keras 2, whose weights come in another order."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import pyconv
from test_keras_files import MAKERS, block, livelier, require_equal, x_of


@pytest.mark.parametrize("make", MAKERS)
def test_a_model_of_keras(make: Any, keras: ModuleType) -> None:
    theirs = livelier(make(keras))
    before = theirs.get_weights()
    ours = pyconv.from_keras(theirs)
    assert ours.name == theirs.name
    require_equal(ours, theirs, x_of(make))
    for one, other in zip(before, theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_classes_of_ones_own(keras: ModuleType) -> None:
    theirs = livelier(block(keras))
    counterpart = type(block(pyconv).layers[0])
    require_equal(pyconv.from_keras(theirs, custom_objects={"Block": counterpart}), theirs, x_of(block))


class OldModel:
    """Answers as a model of tf.keras 2 does."""

    def __init__(self, name: str, config: Any, layers: list[Any], weights: list[Any] | None = None) -> None:
        self.name, self.built, self.layers = name, True, layers
        self._config, self._weights = config, weights

    def to_json(self) -> str:
        return json.dumps({"keras_version": "2.15.0", "backend": "tensorflow", **self._config})

    def get_weights(self) -> list[Any]:
        return self._weights or []


def test_a_model_of_tf_keras() -> None:
    dense = pyconv.layers.Dense(3, name="d")
    model = pyconv.Sequential([pyconv.Input((4,)), dense])
    first = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "i"}}
    second = {"class_name": "Dense", "config": {"units": 3, "name": "d", "activation": "linear"}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [first, second]}}
    old = OldModel("s", config, [OldModel("d", {}, [], dense.get_weights())])
    x = np.ones((2, 4), np.float32)
    np.testing.assert_array_equal(pyconv.from_keras(old)(x), model(x))


def test_errors(keras: ModuleType) -> None:
    with pytest.raises(TypeError, match=r"from_keras: model must be a model of Keras\. Received: int"):
        pyconv.from_keras(3)
    with pytest.raises(ValueError, match="from_keras: build the model first"):
        pyconv.from_keras(keras.Sequential([keras.layers.Dense(3)]))
    recurrent = keras.Sequential([keras.Input((4, 3)), keras.layers.LSTM(2, name="l")])
    with pytest.raises(ValueError, match=r"LSTM \('l'\)"):
        pyconv.from_keras(recurrent)
