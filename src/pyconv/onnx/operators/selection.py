"""The largest elements, and the boxes that don't overlap better ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx.registry import operator


@operator("TopK", since=10)
def top_k(x: Array, k: Array, *, axis: int = -1, largest: int = 1, sorted: int = 1) -> tuple[Array, Array]:
    return _top(x, int(k.item()), axis, bool(largest))


@operator("TopK")
def top_k_by_attribute(x: Array, *, k: int, axis: int = -1) -> tuple[Array, Array]:
    return _top(x, k, axis, True)


def _top(x: Array, k: int, axis: int, largest: bool) -> tuple[Array, Array]:
    if not 0 <= k <= x.shape[axis]:
        raise ValueError(f"TopK: k must be in 0..{x.shape[axis]}. Received: k={k}.")
    # Equal elements keep their order, which sorting from the other end wouldn't.
    keys = np.flip(x, axis) if largest else x
    order = keys.argsort(axis, "stable")
    if largest:
        order = np.flip(x.shape[axis] - 1 - order, axis)
    places = order.take(range(k), axis)
    return np.take_along_axis(x, places, axis), places.astype(np.int64)


@operator("Unique")
def unique(x: Array, *, axis: int | None = None, sorted: int = 1) -> tuple[Array, ...]:
    values, first, inverse, counts = np.unique(x, True, True, True, axis)
    inverse = inverse.ravel()
    if not sorted:
        order = first.argsort()
        values, first, counts = values.take(order, axis or 0), first[order], counts[order]
        inverse = order.argsort()[inverse]
    return values, *(each.astype(np.int64) for each in (first, inverse, counts))


@operator("NonMaxSuppression")
def non_max_suppression(
    boxes: Array,
    scores: Array,
    most: Array | None = None,
    overlap: Array | None = None,
    least: Array | None = None,
    *,
    center_point_box: int = 0,
) -> Array:
    """Boxes (N, boxes, 4) and scores (N, classes, boxes); the result has rows (image, class, box), best first."""
    count = 0 if most is None else int(most.item())
    limit = 0.0 if overlap is None else float(overlap.item())
    kept: list[tuple[int, int, Any]] = []
    for image, image_boxes in enumerate(boxes):
        corners = _corners(image_boxes.astype(np.float64), bool(center_point_box))
        for kind, of_class in enumerate(scores[image]):
            order = np.argsort(-of_class, kind="stable")
            if least is not None:
                order = order[of_class[order] > least.item()]
            chosen = 0
            while order.size and chosen < count:
                best, order = order[0], order[1:]
                kept.append((image, kind, best))
                chosen += 1
                order = order[_shared(corners[best], corners[order]) <= limit]
    return np.array(kept, np.int64).reshape(-1, 3)


def _corners(boxes: Array, by_centre: bool) -> Array:
    """Boxes as lower and upper corners."""
    if by_centre:
        centre, half = boxes[:, :2], boxes[:, 2:] / 2
        return np.hstack([centre - half, centre + half])
    return np.hstack([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])])


def _shared(box: Array, others: Array) -> Array:
    """What two boxes share, over what they cover together."""
    sides = np.maximum(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]), 0)
    shared = sides.prod(1)
    together = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(1) - shared
    y: Array = np.divide(shared, together, out=np.zeros_like(shared), where=together > 0)
    return y
