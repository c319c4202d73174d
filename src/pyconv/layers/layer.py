"""The base of all layers: a name, weights made for the first input's shape, and a call. Holds no arithmetic."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pyconv import changes, constraints, dtype_policies, initializers, regularizers, weight_budget
from pyconv.dtype_policies import DTypePolicy, float_name
from pyconv.gradient import Array
from pyconv.layers import settings
from pyconv.layers.calling import Called, calls
from pyconv.layers.inputs import checked_shape, declared_shape, shape_tuple
from pyconv.naming import unique_name
from pyconv.operators import code, traced, value_of, with_traced
from pyconv.ops.arrays import as_float
from pyconv.symbolic import Node, Shape
from pyconv.variable import Variable

__all__ = ["Layer", "Shape", "shape_tuple"]

# What Keras' configurations say of features that we don't have: that they are unused.
_ABSENT = ("quantization_config", "lora_rank", "lora_alpha", "rms_scaling")

_NESTED = (list, tuple, dict)  # asked for often: `list | tuple` would be made anew each time


def _finish_build(build: Callable[..., None]) -> Callable[..., None]:
    """Wraps `build`, so that an override need neither check its input's rank nor say that it is done."""

    @functools.wraps(build)
    def finished(self: Layer, input_shape: Any, *others: Any) -> None:
        shape = checked_shape(self._op, input_shape)
        self.check_input_shape(shape)
        if not self.built:
            build(self, shape, *others)
            self.built, self.input_shape = True, shape

    return finished


def _noting_arguments(init: Callable[..., None]) -> Callable[..., None]:
    """Wraps a constructor of somebody's own, so that a configuration can say what it was called with."""

    @functools.wraps(init)
    def noted(self: Layer, *args: Any, **kwargs: Any) -> None:
        if self._made_by is None:  # the outermost of several classes'
            self._made_by = functools.partial(type(self), *args, **kwargs)
        init(self, *args, **kwargs)

    return noted


class Layer(Called):
    """The base of all layers.

    A layer of one's own overrides `call`, written with `pyconv.ops` so that gradients come by themselves,
    `build` if it has weights, and `compute_output_shape`, which by default tries `call` on ones.
    Layers assigned to its attributes, alone or in lists and dictionaries, count as parts of it.

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

    _edits = 0  # how often an attribute has been set
    _puts = 0  # how often to something that may be a layer or hold some
    _holders: tuple[int, tuple[str, ...]] = (-1, ())  # the attributes that did so at that many puts
    _made_by: functools.partial[Layer] | None = None  # what `get_config` takes arguments from, if it has no others
    input_rank: int | None = None  # axes of the input, the batch's included; None: any number
    supports_masking = False  # Keras' flag: whether a mask that is true of the inputs is true of the results

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        arguments = inspect.signature(cls.call).parameters
        cls._takes_training, cls._takes_mask = "training" in arguments, "mask" in arguments
        cls._trains_unless_told = cls._takes_training and arguments["training"].default is True
        cls._is_own = not cls.__module__.startswith("pyconv.")
        if cls._takes_training or cls._is_own or cls._has_layers:
            cls._plain_call = None
        elif "call" in vars(cls):
            cls._plain_call = cls.call
            if "bound_to" not in vars(cls):  # which tells of another `call`
                cls.bound_to = Called.bound_to  # type: ignore[method-assign]
        if "call" in vars(cls) and not cls._is_own:  # somebody's subclass may call it with what its own is given
            cls.call = with_traced(cls.call)  # type: ignore[method-assign]
        if "__init__" in vars(cls) and cls._is_own:
            cls.__init__ = _noting_arguments(cls.__init__)  # type: ignore[method-assign]
        cls._build_arity = len(inspect.signature(cls.build).parameters) - 1
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
        self.dtype = float_name(self._op, dtype)
        self._input_dtype = np.dtype(self.dtype)  # np.dtype compares to it without parsing a name
        self.built = False
        self.input_shape: Shape | None = declared_shape(self._op, kwargs)
        self._passed_shape: Shape | None = None  # the last input's, which need not be checked again
        self.input_axes: dict[int, int] = {}  # axis -> the size that the weights were made for
        self._kept_arguments: list[str] = []  # those that settings.keep has made attributes
        self._trainable = bool(trainable)
        self._weights: list[Variable] = []
        self.inbound_nodes: list[Node] = []  # its calls on symbolic tensors
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._losses: list[Array] = []
        self._losses_call = 0  # the number of the call that they belong to
        if kwargs := {name: value for name, value in kwargs.items() if name not in _ABSENT or value}:
            raise ValueError(f"{self._op}: Unrecognized keyword arguments passed to {self._op}: {kwargs}.")

    def __setattr__(self, name: str, value: Any) -> None:
        if type(value) is bool and self.__dict__.get(name) is value:
            return  # nothing to tell of: each `predict` takes back what may have stopped the one before
        object.__setattr__(self, name, value)
        if type(value) not in _PLAIN:
            object.__setattr__(self, "_puts", self._puts + 1)
        if name[0] != "_" or name == "_graph":  # what a program may have been made of: an activation, a weight, layers
            object.__setattr__(self, "_edits", self._edits + 1)
            changes.note()

    @_finish_build
    def build(self, input_shape: Shape) -> None:
        """Makes the weights for inputs of this shape, batch axis included; called before the first `call`."""

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The layer's result for one array, and `training` if an override takes it."""
        raise NotImplementedError(f"{self._op}: a layer must define call(self, x).")

    def check_input_shape(self, shape: Any) -> None:
        """Raises ValueError if an input of this shape has a wrong rank or doesn't fit the weights."""
        if isinstance(shape, list) and (self.input_rank is not None or self.input_axes):
            raise ValueError(f"{self._op}: inputs must be one array. Received: {len(shape)} arrays, of shapes {shape}.")
        if self.input_rank is not None and len(shape) != self.input_rank:
            raise ValueError(
                f"{self._op}: inputs are incompatible with the layer: expected ndim={self.input_rank}, the first axis "
                f"for the batch, found ndim={len(shape)}. Received: inputs.shape={shape}."
            )
        for axis, size in self.input_axes.items():
            if shape[axis] != size:
                raise ValueError(
                    f"{self._op}: inputs are incompatible with the layer {self.name!r}, which was built for others: "
                    f"expected axis {axis} of input shape to have value {size}. Received: inputs.shape={shape}."
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
        dtype = self.dtype if dtype is None else float_name(self._op, dtype)
        value = weight_budget.zeros(shape, dtype)
        if value is None:
            value = initializers.get("glorot_uniform" if initializer is None else initializer)(tuple(shape), dtype)
        weight = Variable(value, dtype, trainable, name, regularizers.get(regularizer), constraints.get(constraint))
        weight.path = f"{self.name}/{name}"
        self._weights.append(weight)
        return weight

    def add_loss(self, loss: Any) -> None:
        """Adds a number to what `fit` makes small: within `call` for this call, until the next one."""
        if self._losses_call != calls().number:
            self._losses, self._losses_call = [], calls().number
        self._losses.append(value_of(loss))

    @property
    def losses(self) -> list[Array]:
        """What `fit` adds to the loss: losses of the last call, here and inside, then weights' regularizers."""
        penalties = []
        for weight in self.trainable_weights:
            if weight.regularizer is not None:
                penalties.append(value_of(weight.regularizer(traced(weight.value))))
        found = [*self._own_losses(), *penalties]
        return [traced(loss) for loss in found] if code.is_own else found

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

    @property
    def variables(self) -> list[Variable]:
        """Keras' other name of `weights`."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Variable]:
        """Keras' other name of `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """Keras' other name of `non_trainable_weights`."""
        return self.non_trainable_weights

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The dtype of weights and results, as Keras has it."""
        return DTypePolicy(self.dtype)

    @property
    def compute_dtype(self) -> str:
        """The dtype of results."""
        return self.dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return self.dtype

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

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Puts the layer's own weights into a file's part for it, under "0", "1", ...; a layer may override it."""
        for number, weight in enumerate(self._own_weights()):
            store[str(number)] = weight.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Takes them from there.

        Raises:
            ValueError: if the file has other weights, or of other shapes.
        """
        mine = self._own_weights()
        if len(store) != len(mine):
            raise ValueError(
                f"{self._op}: layer {self.name!r} has {len(mine)} weights"
                f"{'' if self.built else ', for it is not built yet'}. Received: {len(store)} in the file."
            )
        for number, weight in enumerate(mine):
            weight.assign(store[str(number)])

    def count_params(self) -> int:
        """How many numbers the weights hold."""
        if not self.built:
            raise ValueError(f"{self._op}: build the layer {self.name!r} before its parameters are counted.")
        return sum(weight.size for weight in self.weights)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, from which `from_config` makes the same layer without its weights."""
        base = {"name": self.name, "trainable": self.trainable, "dtype": dtype_policies.serialize(self.dtype_policy)}
        config = base | settings.config(self)
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if self._made_by is not None and type(self).get_config.__module__.startswith("pyconv."):
            return settings.config_of_call(self, config, self._made_by)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        """A new layer made from what `get_config` returned."""
        if cls._is_own and cls.get_config.__module__.startswith("pyconv."):
            config = settings.arguments_of_call(config)
        return cls(**config)

    def __getstate__(self) -> dict[str, Any]:
        # For pickle and copy: a model notes the calls among its own layers again, those elsewhere stay there.
        state = vars(self) | {"inbound_nodes": []}
        state.pop("_bound", None)  # has a plan, which holds memory of this process
        return state

    def __repr__(self) -> str:
        return f"<{self._op} name={self.name}, built={self.built}>"

    def _is_all_built(self) -> bool:
        """Whether this layer and all layers inside have their weights."""
        return self.built and all(part._is_all_built() for part in self._parts())

    def _owned_weights(self) -> list[tuple[Layer, Variable]]:
        """All weights and the layers that made them, in order; a layer used twice is listed once."""
        owned: list[tuple[Layer, Variable]] = [(self, weight) for weight in self._own_weights()]
        owned += [pair for part in self._parts() for pair in part._owned_weights()]
        return list({id(weight): (layer, weight) for layer, weight in owned}.values())

    def _own_weights(self) -> list[Variable]:
        """The layer's own weights, trainable ones first."""
        return sorted(self._weights, key=lambda weight: not weight.trainable)

    def _parts(self) -> Iterator[Layer]:
        """The layers among the attributes. A training step asks each layer several times, so most aren't looked at."""
        puts, mine = self._puts, vars(self)
        if self._holders[0] != puts:
            names = [name for name, value in tuple(mine.items()) if name not in _OWN_LISTS and _may_hold_layers(value)]
            object.__setattr__(self, "_holders", (puts, tuple(names)))
        return _layers_among(mine[name] for name in self._holders[1] if name in mine)


# What most attributes are, and no layer is.
_PLAIN = frozenset({type(None), bool, int, float, str, Variable, DTypePolicy, MethodType, FunctionType})

# Lists and dictionaries that every layer has for other things than layers.
_OWN_LISTS = frozenset({"input_axes", "inbound_nodes", "_kept_arguments", "_losses", "_weights"})


def _may_hold_layers(value: Any) -> bool:
    """Whether it is a layer, or may become the place of some without being set anew, as lists do."""
    if isinstance(value, tuple):
        return any(map(_may_hold_layers, value))
    return isinstance(value, Layer | list | dict)


def _layers_among(values: Iterable[Any]) -> Iterator[Layer]:
    """The layers among values and in nested lists, tuples and dictionaries of them, as they were put in."""
    for value in values:
        if isinstance(value, Layer):
            yield value
        elif isinstance(value, _NESTED) and value:
            yield from _layers_among(value.values() if isinstance(value, dict) else value)
