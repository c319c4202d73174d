"""Gradients for training loops of one's own, and of inputs. What notes the operations is in gradient.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

import numpy as np

from pyconv import tree
from pyconv.gradient import Array, Tape
from pyconv.layers.layer import Layer
from pyconv.operators import TracedArray, code, traced, value_of
from pyconv.variable import Variable

__all__ = ["GradientTape", "value_and_grad"]


class GradientTape:
    """Records what is computed in a `with` block and gives gradients of it, once.

    In the block the results of layers, losses and `pyconv.ops` stand for arrays in such a way that Python's operators
    are recorded too, and NumPy's functions, which leave no gradient, raise TypeError: `x.numpy()` says that none is
    wanted, as does `ops.stop_gradient(x)`.

    Args:
        watch: the weights or arrays whose gradients will be asked for. By default everything is recorded, which keeps
            more in memory where gradients begin late: before the head of a network whose first layers are frozen.

    Example:
    >>> import numpy as np
    >>> import pyconv
    >>> from pyconv import layers, ops
    >>> layer = layers.Dense(1, kernel_initializer="ones")
    >>> with pyconv.GradientTape() as tape:
    ...     loss = ops.mean((layer(np.array([[1.0, 2.0]])) - 1) ** 2)
    >>> float(loss)
    4.0
    >>> kernel, bias = tape.gradient(loss, layer.trainable_weights)
    >>> kernel.tolist(), bias.tolist()
    ([[4.0], [8.0]], [4.0])
    """

    def __init__(self, watch: Iterable[Any] | None = None) -> None:
        self._tape = Tape(None if watch is None else [_array("GradientTape", item) for item in watch])
        self._stack = ExitStack()

    def __enter__(self) -> GradientTape:
        self._stack.enter_context(self._tape)
        self._stack.enter_context(code.of(is_own=True))
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    def watch(self, array: Array) -> Any:
        """Notes that the gradient of an array will be asked for, and returns it as one whose operators are recorded."""
        self._tape.watch(_array("GradientTape.watch", array))
        return traced(array)

    def gradient(self, target: Any, sources: Any, *, allow_unused: bool = False) -> Any:
        """The gradients of a number computed in the block.

        Args:
            target: the number, as a rule a loss; of an array with several the sum is differentiated.
            sources: a weight or an array of floating point numbers, or a list or dictionary of such; results computed
                in the block, feature maps say, are arrays as well.
            allow_unused: whether what target doesn't depend on gets zeros.

        Returns:
            The gradients as arrays, in the structure of sources.

        Raises:
            TypeError: if a source is neither a weight nor an array of float32 or float64.
            ValueError: if target doesn't depend on a source, or the gradients have been asked for before.
        """
        op = "GradientTape.gradient"
        flat = tree.flatten(sources)
        result = value_of(target)
        if not isinstance(result, np.ndarray):
            raise TypeError(f"{op}: target must be a result of pyconv.ops or of layers. Received: {target!r}.")
        arrays = [_array(op, source) for source in flat]
        found = self._tape.play(result, None, arrays)
        unused = [_name(source) for source, gradient in zip(flat, found, strict=True) if gradient is None]
        if unused and not allow_unused:
            raise ValueError(
                f"{op}: target doesn't depend on all sources; allow_unused=True gives zeros for the others. "
                f"Received: no way to {', '.join(unused)}."
            )
        gradients = [np.zeros_like(a) if g is None else g for a, g in zip(arrays, found, strict=True)]
        return tree.pack_sequence_as(sources, gradients)


def value_and_grad(
    loss_fn: Callable[..., Any], model_or_weights: Any, *, allow_unused: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """Makes of a function that computes a loss one that computes its gradients too.

    Args:
        loss_fn: returns the loss, one number, or a tuple whose first item is the loss. It is written with layers,
            losses, `pyconv.ops` and Python's operators, as in a `GradientTape`.
        model_or_weights: a model or layer, for its trainable weights, in their order; or a weight or an array, or a
            list or dictionary of such, that loss_fn uses.
        allow_unused: whether weights that the loss doesn't depend on get zeros.

    Returns:
        A function with the arguments of loss_fn that returns (what loss_fn returns, the gradients); for a model a list
        that `optimizer.apply(gradients, model.trainable_weights)` takes.

    Raises:
        TypeError: if an argument is of a wrong type; when called, if NumPy is used where a gradient is needed.
        ValueError: when called, if the loss isn't one number or doesn't depend on the weights.

    Example:
    >>> import numpy as np
    >>> import pyconv
    >>> from pyconv import layers, losses, optimizers
    >>> model = pyconv.Sequential([layers.Dense(1, kernel_initializer="ones")])
    >>> optimizer = optimizers.SGD(0.1)
    >>> step = pyconv.value_and_grad(lambda x, y: losses.MeanSquaredError()(y, model(x, training=True)), model)
    >>> for _ in range(3):
    ...     loss, gradients = step(np.array([[1.0], [2.0]]), np.array([[3.0], [5.0]]))
    ...     optimizer.apply(gradients, model.trainable_weights)
    ...     print(f"{loss:.3f}")
    6.500
    0.650
    0.071
    """
    op = "value_and_grad"
    if not callable(loss_fn):
        raise TypeError(f"{op}: loss_fn must be a function. Received: {loss_fn!r}.")
    model = model_or_weights if isinstance(model_or_weights, Layer) else None
    if model is None:
        for source in tree.flatten(model_or_weights):
            _array(op, source)

    def with_gradients(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        known = model is None or model._is_all_built()  # otherwise loss_fn makes the weights
        sources = model_or_weights if model is None else model.trainable_weights
        with GradientTape(tree.flatten(sources) if known else None) as tape:
            returned = loss_fn(*args, **kwargs)
        loss = value_of(returned[0] if isinstance(returned, tuple) else returned)
        if np.ndim(loss) != 0:
            raise ValueError(
                f"{op}: the loss must be one number, as ops.mean or ops.sum make it. "
                f"Received: a loss of shape {np.shape(loss)}."
            )
        sources = model_or_weights if model is None else model.trainable_weights
        gradients = tape.gradient(loss, sources, allow_unused=allow_unused)
        return tree.map_structure(value_of, returned), gradients

    return with_gradients


def _array(op: str, source: Any) -> Array:
    """The array that a tape knows a weight or array by."""
    array = source.value if isinstance(source, Variable | TracedArray) else source
    if not isinstance(array, np.ndarray) or array.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"{op}: gradients are those of weights and of arrays of float32 or float64. Received: {source!r:.80}."
        )
    return array


def _name(source: Any) -> str:
    return str(source.path) if isinstance(source, Variable) else f"an array of shape {source.shape}"
