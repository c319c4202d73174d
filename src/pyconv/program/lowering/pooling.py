"""Pooling layers as Pool nodes; one window over all of an image for the global ones."""

from __future__ import annotations

from typing import Any

from pyconv.ops import geometry
from pyconv.program.graph import Value
from pyconv.program.kinds import Pool
from pyconv.program.lowering.registry import Lowering, lowers_spatial

_RANKS = ("1D", "2D", "3D")


@lowers_spatial(*(f"{kind}Pooling{rank}" for kind in ("Max", "Average") for rank in _RANKS))
def pooling(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    (x,) = inputs
    op, window, strides, padding, _ = layer._settled
    *size, _ = x.shape
    pads = geometry.resolve_pads(op, padding, size, window, strides, (1,) * len(window))
    return to.add(Pool("max" if op == "max_pool" else "average", window, strides, pads), x)


@lowers_spatial(*(f"Global{kind}Pooling{rank}" for kind in ("Max", "Average") for rank in _RANKS))
def global_pooling(to: Lowering, layer: Any, inputs: list[Value]) -> Value:
    (x,) = inputs
    *size, channels = x.shape
    none = ((0, 0),) * len(size)
    kind = Pool("max" if layer.operation == "max" else "average", tuple(size), (1,) * len(size), none)
    y = to.add(kind, x)
    return y if layer.keepdims else to.reshape(y, (channels,))
