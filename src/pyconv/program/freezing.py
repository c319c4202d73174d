"""Weights of a frozen model: shapes without numbers, for its program has them in an order of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyconv.variable import Variable


class FrozenVariable(Variable):
    """A weight whose numbers have been dropped: what asks for them gets a RuntimeError."""

    _frozen: tuple[tuple[int, ...], np.dtype[Any]]

    @property
    def value(self) -> Any:
        raise RuntimeError(
            f"The weight {self.path} has no numbers any more: its model has been frozen. It predicts samples of the "
            "shapes that it had programs for; to train, save or change it, load or make it anew."
        )

    @property
    def shape(self) -> tuple[int, ...]:
        return self._frozen[0]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._frozen[1]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def numpy(self) -> Any:
        return self.value

    def writing(self) -> Any:
        return self.value

    def packed(self, plan: Any) -> Any:
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.value

    def __reduce__(self) -> Any:
        return self.value


def freeze(variable: Variable) -> None:
    """Drops a weight's numbers and what has been packed of them."""
    if not isinstance(variable, FrozenVariable):
        frozen = variable.shape, variable.dtype
        variable.__class__ = FrozenVariable
        assert isinstance(variable, FrozenVariable)
        variable._frozen = frozen
        variable.last_use = None
        del variable._array, variable._value, variable._packed
