"""The dtype of layers by Keras' names."""

from __future__ import annotations

import numpy as np
import pytest

from pyconv import layers
from pyconv.dtype_policies import DTypePolicy, deserialize, serialize


def test_a_policy_says_what_a_layer_computes_in() -> None:
    layer = layers.Dense(2, dtype="float64")
    assert layer.dtype_policy.name == layer.compute_dtype == layer.variable_dtype == "float64"
    assert layer(np.ones((1, 3), np.float32)).dtype == np.float64
    assert layers.Dense(2, dtype=layer.dtype_policy).dtype == "float64"


def test_a_policy_is_written_and_read() -> None:
    policy = DTypePolicy("float64")
    assert deserialize(serialize(policy)) == policy == DTypePolicy.from_config(policy.get_config())
    assert policy != DTypePolicy()
    assert layers.Dense(2, dtype=serialize(policy)).dtype_policy == policy


@pytest.mark.parametrize("dtype", ["float16", "mixed_bfloat16", "int8", {}, 3])
def test_others_are_refused(dtype: object) -> None:
    with pytest.raises(ValueError, match='dtype must be "float32" or "float64"'):
        DTypePolicy(dtype)


def test_a_policy_is_its_name() -> None:
    one, other = (layers.Dense(1, dtype="float64").dtype_policy for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert repr(one) == '<DTypePolicy "float64">'
    assert one.compute_dtype == one.variable_dtype == "float64"
