"""What goes back from the cross-entropies of categorical.py, at once through a softmax before them where there is one.

With q = softmax(x) and labels t the gradient of -sum(t * log(q)) for x is q * sum(t) - t, while the way through q
divides by small shares and multiplies by them again. A class whose share was clipped has no influence either way.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from pyconv.gradient import Array, PullBack
from pyconv.ops.reductions import SoftmaxGradient

Places = tuple[Array, ...]


def one_hot_of_logits(softmax: Array, target: Array, axis: int, dy: Array) -> Array:
    """The gradient for x, where softmax is that of x."""
    gradient: Array = softmax * target.sum(axis=axis, keepdims=True)
    gradient -= target
    gradient *= np.expand_dims(dy, axis)
    return gradient


def sparse_of_logits(softmax: Array, right: Places, counted: Array | None, dy: Array) -> Array:
    """As `one_hot_of_logits`, for the places of the right classes in softmax."""
    given = _given(right, counted, dy)
    gradient: Array = softmax * given
    gradient[right] -= given
    return gradient


class OneHotGradient(PullBack):
    """Of -sum(target * log(shares)) for the array that was divided by its sum, total.

    target is to be 0 where the share was clipped.
    """

    def __init__(self, target: Array, shares: Array, total: Array, axis: int) -> None:
        self.target, self.shares, self.total, self.axis = target, shares, total, axis

    def __call__(self, dy: Array) -> Array:
        gradient: Array = self.target.sum(axis=self.axis, keepdims=True) - self.target / self.shares
        gradient *= np.expand_dims(dy, self.axis) / self.total
        return gradient

    def after(self, before: Callable[[Array], Array]) -> Callable[[Array], Array] | None:
        """The function for the softmax' argument, if a softmax along the classes was before."""
        if not isinstance(before, SoftmaxGradient) or before.axes != (self.axis,):
            return None
        return functools.partial(one_hot_of_logits, before.y, self.target, self.axis)


class SparseGradient(PullBack):
    """Of -log(share) of the right classes; share and total have an axis of size one for the classes.

    counted is to be False where the share was clipped or a sample is to be ignored.
    """

    def __init__(
        self, shape: tuple[int, ...], right: Places, counted: Array, share: Array, total: Array, axis: int
    ) -> None:
        self.shape, self.right, self.counted = shape, right, counted
        self.share, self.total, self.axis = share, total, axis

    def __call__(self, dy: Array) -> Array:
        given = _given(self.right, self.counted, dy) / self.total
        gradient = np.broadcast_to(given, self.shape).copy()
        gradient[self.right] -= given / self.share
        return gradient

    def after(self, before: Callable[[Array], Array]) -> Callable[[Array], Array] | None:
        """As in `OneHotGradient`."""
        if not isinstance(before, SoftmaxGradient) or before.axes != (self.axis,):
            return None
        return functools.partial(sparse_of_logits, before.y, self.right, self.counted)


def _given(right: Places, counted: Array | None, dy: Array) -> Array:
    given = dy.reshape(np.broadcast_shapes(*(places.shape for places in right)))
    return given if counted is None else given * counted
