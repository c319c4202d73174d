"""DTypePolicy: the dtype of a layer's weights and results, as Keras' configurations name it. There is no mixed one."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyconv import config


class DTypePolicy:
    """Which dtype a layer computes in and keeps its weights in: the same for both.

    Args:
        name: "float32" or "float64"; None for `pyconv.config.floatx()`.

    Raises:
        ValueError: if it is another one.

    Example:
    >>> from pyconv import layers
    >>> layers.Dense(3).dtype_policy.compute_dtype
    'float32'
    """

    def __init__(self, name: Any = None) -> None:
        self.name = float_name("DTypePolicy", name)

    @property
    def compute_dtype(self) -> str:
        """The dtype of results."""
        return self.name

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return self.name

    def get_config(self) -> dict[str, Any]:
        """The constructor's argument."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """A new policy made from what `get_config` returned."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


def get(identifier: Any) -> DTypePolicy:
    """The policy that `identifier` means: a dtype's name, a policy, what `serialize` returns, or None."""
    return identifier if isinstance(identifier, DTypePolicy) else DTypePolicy(identifier)


def serialize(policy: DTypePolicy) -> dict[str, Any]:
    """The policy as the dict that Keras writes into a configuration; `get` and `deserialize` read it."""
    config = policy.get_config()
    return {"module": "keras", "class_name": "DTypePolicy", "config": config, "registered_name": None}


deserialize = get


def float_name(op: str, dtype: Any) -> str:
    """The argument `dtype` of `op` as the name of a floating-point dtype; a policy and its configuration serve too."""
    if isinstance(dtype, DTypePolicy):
        return dtype.name
    if isinstance(dtype, dict):  # Keras' policy, as configurations hold it
        dtype = dtype.get("config", {}).get("name", "")
    try:
        name = config.floatx() if dtype is None else np.dtype(dtype).name
    except TypeError:
        name = ""
    if name not in ("float32", "float64"):
        raise ValueError(f'{op}: dtype must be "float32" or "float64". Received: dtype={dtype!r}.')
    return name
