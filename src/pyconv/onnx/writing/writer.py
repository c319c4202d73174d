"""Collects the nodes and constants of a graph that is being written. Knows no layer.

Values are names. Images of Keras mostly have their channels last, ONNX' first; `transposed` cancels what follows on its
opposite, and `unary` and `broadcast` compute below a transposition, so that few are left between layers.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv.gradient import Array
from pyconv.onnx.package import onnx

Order = tuple[int, ...]


class Writer:
    """A graph in the making.

    Args:
        dtype: of the model's numbers.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}
        self.prefix = ""  # of names: the layer's
        self._numbers = itertools.count()
        self._before: dict[str, tuple[str, Order]] = {}  # what a value is a transposition of

    def node(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Appends a node; its result's name, or a list of them."""
        names = [f"{self.prefix}/{op}_{next(self._numbers)}" for _ in range(outputs)]
        self.nodes.append(onnx().helper.make_node(op, list(inputs), names, name=names[0], **attributes))
        return names if outputs > 1 else names[0]

    def number(self, value: ArrayLike) -> str:
        """The name of a constant of the model's dtype."""
        return self._constant(np.asarray(value, self.dtype))

    def integers(self, *values: int) -> str:
        """The name of a constant list of whole numbers, as shapes and axes are given."""
        return self._constant(np.array(values, np.int64))

    def scales(self, *values: float) -> str:
        """The name of a constant list of factors, which are float32 whatever the model's dtype."""
        return self._constant(np.array(values, np.float32))

    def _constant(self, array: Array) -> str:
        name = f"{self.prefix}/constant_{next(self._numbers)}"
        self.constants[name] = np.ascontiguousarray(array)
        return name

    def transposed(self, name: str, order: Sequence[int]) -> str:
        """The value with its axes in another order."""
        source, before = self._before.get(name, (name, tuple(range(len(order)))))
        whole = tuple(before[axis] for axis in order)
        if whole == tuple(range(len(order))):
            return source
        result: str = self.node("Transpose", source, perm=whole)
        self._before[result] = source, whole
        return result

    def first(self, name: str, rank: int) -> str:
        """(N, *spatial, C) as (N, C, *spatial); `rank` counts the spatial axes."""
        return self.transposed(name, (0, rank + 1, *range(1, rank + 1)))

    def last(self, name: str, rank: int) -> str:
        """(N, C, *spatial) as (N, *spatial, C)."""
        return self.transposed(name, (0, *range(2, rank + 2), 1))

    def below(self, name: str, rank: int) -> tuple[str, Order]:
        """What a value of `rank` axes is a transposition of, and the order of its axes there; itself, if none."""
        return self._before.get(name, (name, tuple(range(rank))))

    def unary(self, op: str, name: str, *others: str, **attributes: Any) -> str:
        """A node that computes each element by itself; the other inputs are single numbers."""
        source, order = self._before.get(name, (name, None))
        result: str = self.node(op, source, *others, **attributes)
        return result if order is None else self.transposed(result, order)

    def broadcast(self, op: str, *names: str, **attributes: Any) -> str:
        """A node that computes each element from those at its place; transposed alike, they are computed before."""
        sources = [self._before.get(name) for name in names]
        orders = {source[1] if source else None for source in sources}
        if len(orders) == 1 and (order := orders.pop()) is not None:
            result: str = self.node(op, *(source[0] for source in sources if source), **attributes)
            return self.transposed(result, order)
        made: str = self.node(op, *names, **attributes)
        return made

    def joined(self, names: Sequence[str], axis: int) -> str:
        """The values one behind the other along an axis, counted from the front."""
        sources = [self._before.get(name) for name in names]
        orders = {source[1] if source else None for source in sources}
        if len(orders) == 1 and (order := orders.pop()) is not None:
            result = self.node("Concat", *(source[0] for source in sources if source), axis=order[axis])
            return self.transposed(result, order)
        made: str = self.node("Concat", *names, axis=axis)
        return made

    def used(self, outputs: Sequence[str]) -> list[Any]:
        """The nodes that these outputs need, in order."""
        needed, kept = set(outputs), []
        for node in reversed(self.nodes):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input)
        self.constants = {name: array for name, array in self.constants.items() if name in needed}
        return kept[::-1]
