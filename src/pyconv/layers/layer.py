"""The base of all layers: a name, weights made for the first input's shape, and a call. Holds no arithmetic."""

from __future__ import annotations

import functools
import inspect
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, TypeGuard

import numpy as np
from numpy.typing import ArrayLike

from pyconv import config, constraints, initializers, ops, regularizers
from pyconv.gradient import Array, record
from pyconv.layers import settings
from pyconv.layers.naming import unique_name
from pyconv.ops.arrays import as_float
from pyconv.ops.geometry import integer
from pyconv.variable import Variable

Shape = tuple[int | None, ...]  # None: any size, as the batch's before data are seen
# What Keras' configurations say of features that we don't have: that they are unused.
_ABSENT = ("quantization_config", "lora_rank", "lora_alpha")


class _Calls(threading.local):
    """Numbers this thread's calls of a model or a lone layer: what layers inside add to the loss belongs to one."""

    depth = 0
    number = 0
    numbers = itertools.count(1)

    def __enter__(self) -> None:
        if self.depth == 0:
            self.number = next(_Calls.numbers)
        self.depth += 1

    def __exit__(self, *exception: object) -> None:
        self.depth -= 1


_calls = _Calls()


def _finish_build(build: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Wraps `build`, so that an override need neither check its input's rank nor say that it is done."""

    @functools.wraps(build)
    def finished(self: Layer, input_shape: Any) -> None:
        shape = _input_shape(self._op, input_shape)
        self.check_input_shape(shape)
        if not self.built:
            build(self, shape)
            self.built, self.input_shape = True, shape

    return finished


class Layer:
    """The base of all layers.

    A layer of one's own overrides `call`, written with `pyconv.ops` so that gradients come by themselves,
    `build` if it has weights, and `compute_output_shape`, which by default tries `call` on an empty batch.
    Layers assigned to its attributes, alone or in lists, count as parts of it.

    Args:
        name: the layer's name; by default its class name and a number.
        dtype: dtype of weights and results, "float32" (unless `pyconv.config.set_floatx` said otherwise) or
            "float64"; inputs are converted to it.
        trainable: whether `fit` updates the weights.
        activity_regularizer: what `fit` adds to the loss for the layer's results, divided by the batch's size.
        **kwargs: `input_shape=`, the first layer's input without the batch axis, or `input_dim=`, the same
            for vectors.

    Raises:
        ValueError: if an argument is unknown or dtype is another.

    Example:
    >>> import numpy as np
    >>> from pyconv import layers, ops
    >>> class Scale(layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight((input_shape[-1],), "ones", name="factor")
    ...     def call(self, x):
    ...         return ops.multiply(x, self.factor.value)
    >>> Scale()(np.zeros((2, 3))).shape
    (2, 3)
    """

    input_rank: int | None = None  # axes of the input, the batch's included; None: any number
    _takes_training: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._takes_training = "training" in inspect.signature(cls.call).parameters
        if "build" in vars(cls):
            cls.build = _finish_build(cls.build)  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        activity_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        self._op = type(self).__name__  # how errors name the layer
        self.name = unique_name(self._op) if name is None else str(name)
        self.dtype = _float_name(self._op, dtype)
        self._input_dtype = np.dtype(self.dtype)  # np.dtype compares to it without parsing a name
        self.built = False
        self.input_shape: Shape | None = _declared_shape(self._op, kwargs)
        self._passed_shape: Shape | None = None  # the last input's, which need not be checked again
        self.input_axes: dict[int, int] = {}  # axis -> the size that the weights were made for
        self._kept_arguments: list[str] = []  # those that settings.keep has made attributes
        self._trainable = bool(trainable)
        self._weights: list[Variable] = []
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._losses: list[Array] = []
        self._losses_call = 0  # the number of the call that they belong to
        if kwargs := {name: value for name, value in kwargs.items() if name not in _ABSENT or value is not None}:
            raise ValueError(f"{self._op}: unrecognized keyword arguments. Received: {kwargs}.")

    @_finish_build
    def build(self, input_shape: Shape) -> None:
        """Makes the weights for inputs of this shape, batch axis included; called before the first `call`."""

    def call(self, *args: Any, **kwargs: Any) -> Array:
        """The layer's result for one array, and `training` if an override takes it."""
        raise NotImplementedError(f"{self._op}: a layer must define call(self, x).")

    def __call__(self, inputs: ArrayLike | Sequence[Array], training: bool | None = False) -> Array:
        """Runs the layer on a batch, building it if need be.

        Args:
            inputs: real numbers of any dtype, converted to the layer's dtype. A list or tuple of arrays is several
                inputs: `call` gets the list, `build` and `compute_output_shape` get a list of shapes.
            training: whether the layer runs to be trained; Dropout asks for it.

        Raises:
            TypeError: if inputs aren't real numbers.
            ValueError: if their shape doesn't fit the layer.
        """
        x: Any
        shape: Any
        if _are_several(inputs):
            x = [self._cast(as_float(self._op, f"inputs[{i}]", item)) for i, item in enumerate(inputs)]
            shape = [item.shape for item in x]
        else:
            x = self._cast(as_float(self._op, "inputs", inputs))
            shape = x.shape
        if not self.built or shape != self._passed_shape:
            self.check_input_shape(shape)
            if not self.built:
                self.build(_of_any_batch(shape))
            self._passed_shape = shape
        with _calls:
            y: Array = self.call(x, training=bool(training)) if self._takes_training else self.call(x)
            if self.activity_regularizer is not None:
                self.add_loss(ops.multiply(self.activity_regularizer(y), 1 / max(1, len(y))))  # a sample's share
        return y

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The result's shape for an input's shape or several inputs' shapes, None where a size is unknown."""
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        if any(size is None for shape in shapes for size in shape[1:]):
            raise NotImplementedError(f"{self._op}: compute_output_shape must be defined for unknown sizes.")
        empty = [np.empty((0, *shape[1:]), self.dtype) for shape in shapes]
        return (shapes[0][0], *self(empty if isinstance(input_shape, list) else empty[0]).shape[1:])

    @property
    def output_shape(self) -> Shape | None:
        """The result's shape for the input's shape that the layer was built for."""
        return None if self.input_shape is None else self.compute_output_shape(self.input_shape)

    def check_input_shape(self, shape: Any) -> None:
        """Raises ValueError if an input of this shape has a wrong rank or doesn't fit the weights."""
        if isinstance(shape, list) and (self.input_rank is not None or self.input_axes):
            raise ValueError(f"{self._op}: inputs must be one array. Received: {len(shape)} arrays, of shapes {shape}.")
        if self.input_rank is not None and len(shape) != self.input_rank:
            raise ValueError(
                f"{self._op}: inputs must have {self.input_rank} axes, the first for the batch. "
                f"Received: inputs.shape={shape}."
            )
        for axis, size in self.input_axes.items():
            if shape[axis] != size:
                raise ValueError(
                    f"{self._op}: axis {axis} of inputs must have the size {size} that layer {self.name!r} was "
                    f"built for. Received: inputs.shape={shape}."
                )

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "glorot_uniform",
        dtype: Any = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        *,
        name: str = "variable",
    ) -> Variable:
        """Makes a weight that belongs to this layer; its array is the result's `.value`."""
        dtype = self.dtype if dtype is None else _float_name(self._op, dtype)
        value = initializers.get(initializer)(tuple(shape), dtype)
        weight = Variable(value, dtype, trainable, name, regularizers.get(regularizer), constraints.get(constraint))
        self._weights.append(weight)
        return weight

    def add_loss(self, loss: Array) -> None:
        """Adds a number to what `fit` makes small: within `call` for this call, until the next one."""
        if self._losses_call != _calls.number:
            self._losses, self._losses_call = [], _calls.number
        self._losses.append(loss)

    @property
    def losses(self) -> list[Array]:
        """What `fit` adds to the loss: losses of the last call, here and inside, then weights' regularizers."""
        penalties = [w.regularizer(w.value) for w in self.trainable_weights if w.regularizer is not None]
        return [*self._own_losses(), *penalties]

    def _own_losses(self) -> list[Array]:
        return [*self._losses, *(loss for part in self._parts() for loss in part._own_losses())]

    @property
    def trainable(self) -> bool:
        """Whether `fit` updates the weights; setting it sets all layers inside."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for layer in self._parts():
            layer.trainable = value

    @property
    def weights(self) -> list[Variable]:
        """All weights: the layer's own, trainable ones first, then those of the layers inside."""
        return [weight for _, weight in self._owned_weights()]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that `fit` updates."""
        if not self.trainable:
            return []
        return [weight for layer, weight in self._owned_weights() if layer.trainable and weight.trainable]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that `fit` leaves alone."""
        updated = {id(weight) for weight in self.trainable_weights}
        return [weight for weight in self.weights if id(weight) not in updated]

    def get_weights(self) -> list[Array]:
        """Copies of all weights' values, in the order of `weights`."""
        return [weight.numpy() for weight in self.weights]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Replaces all weights' values; nothing is changed if one of them doesn't fit.

        Raises:
            ValueError: if the number of arrays or a shape differs from `get_weights()`.
        """
        op = f"{self._op}.set_weights"
        mine = self._owned_weights()
        if len(weights) != len(mine):
            raise ValueError(
                f"{op}: {self.name!r} has {len(mine)} weights{'' if self.built else ', for it is not built yet'}. "
                f"Received: {len(weights)} arrays."
            )
        values = []
        for (layer, weight), given in zip(mine, weights, strict=True):
            values.append(value := as_float(op, f"{weight.name} of {layer.name!r}", given))
            if value.shape != weight.shape:
                raise ValueError(
                    f"{op}: the {weight.name} of {layer.name!r} must have the shape {weight.shape}. "
                    f"Received: an array of shape {value.shape}."
                )
        for (_, weight), value in zip(mine, values, strict=True):
            weight.assign(value)

    def count_params(self) -> int:
        """How many numbers the weights hold."""
        if not self.built:
            raise ValueError(f"{self._op}: build the layer {self.name!r} before its parameters are counted.")
        return sum(weight.value.size for weight in self.weights)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, from which `from_config` makes the same layer without its weights."""
        config = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype, **settings.config(self)}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        """A new layer made from what `get_config` returned."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{self._op} name={self.name}, built={self.built}>"

    def _owned_weights(self) -> list[tuple[Layer, Variable]]:
        """All weights and the layers that made them, in order; a layer used twice is listed once."""
        owned: list[tuple[Layer, Variable]] = [
            (self, weight) for weight in sorted(self._weights, key=lambda weight: not weight.trainable)
        ]
        owned += [pair for part in self._parts() for pair in part._owned_weights()]
        return list({id(weight): (layer, weight) for layer, weight in owned}.values())

    def _parts(self) -> Iterator[Layer]:
        for value in vars(self).values():
            candidates = value if isinstance(value, list | tuple) else (value,)
            yield from (candidate for candidate in candidates if isinstance(candidate, Layer))

    def _cast(self, x: Array) -> Array:
        if x.dtype == self._input_dtype:
            return x
        y = x.astype(self._input_dtype)
        record(y, (x, lambda dy: dy.astype(x.dtype)))
        return y


def _float_name(op: str, dtype: Any) -> str:
    try:
        name = config.floatx() if dtype is None else np.dtype(dtype).name
    except TypeError:
        name = ""
    if name not in ("float32", "float64"):
        raise ValueError(f'{op}: dtype must be "float32" or "float64". Received: dtype={dtype!r}.')
    return name


def shape_tuple(op: str, name: str, shape: Any, minimum: int = 0) -> Shape:
    """The argument `name` of `op` as a shape: integers, None where a size is unknown."""
    if not isinstance(shape, Iterable) or isinstance(shape, str):
        raise TypeError(f"{op}: {name} must be a tuple of integers and None. Received: {name}={shape!r}.")
    return tuple(None if size is None else integer(op, name, size, minimum) for size in shape)


def _are_several(inputs: Any) -> TypeGuard[Sequence[Array]]:
    """Whether a layer is given several inputs: a list or tuple of arrays, not one of numbers or rows."""
    return isinstance(inputs, list | tuple) and len(inputs) > 0 and all(isinstance(x, np.ndarray) for x in inputs)


def _input_shape(op: str, shape: Any) -> Any:
    """The shape of the input, or a list of the shapes of several."""
    if isinstance(shape, list | tuple) and any(isinstance(item, list | tuple) for item in shape):
        return [shape_tuple(op, "input_shape", item) for item in shape]
    return shape_tuple(op, "input_shape", shape)


def _of_any_batch(shape: Any) -> Any:
    """The shape, or the list of shapes, with the batch's size left open."""
    if isinstance(shape, list):
        return [_of_any_batch(item) for item in shape]
    return (None, *shape[1:]) if shape else ()


def _declared_shape(op: str, kwargs: dict[str, Any]) -> Shape | None:
    """Takes Keras' input_shape or input_dim out of kwargs and puts the batch axis before it."""
    if "input_dim" in kwargs:
        return shape_tuple(op, "input_dim", (None, kwargs.pop("input_dim")), minimum=1)
    if "input_shape" in kwargs:
        return (None, *shape_tuple(op, "input_shape", kwargs.pop("input_shape"), minimum=1))
    return None
