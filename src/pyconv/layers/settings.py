"""How a constructor's arguments become a layer's attributes and its configuration: one rule for each name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from pyconv import activations, constraints, initializers, regularizers
from pyconv.ops import geometry
from pyconv.variable import Variable

if TYPE_CHECKING:
    from pyconv.layers.layer import Layer

# In the scope of a constructor, but kept by Layer itself or no argument at all.
_NOT_KEPT = {"self", "kwargs", "__class__", "name", "dtype", "trainable"}


class Rule(NamedTuple):
    """How an argument is read, (layer, name, value) -> attribute, and written, attribute -> configuration."""

    read: Callable[[Any, str, Any], Any]
    write: Callable[[Any], Any] = lambda value: value


_SIZE = Rule(lambda layer, name, value: geometry.integer(layer._op, name, value))
_SIZES = Rule(lambda layer, name, value: geometry.int_tuple(layer._op, name, value, layer.rank))
_FLAG = Rule(lambda _, __, value: bool(value))
_RULES = {
    "activation": Rule(lambda _, __, value: activations.get(value), activations.serialize),
    "center": _FLAG,
    "data_format": Rule(lambda layer, _, value: geometry.data_format(layer._op, value)),
    "depth_multiplier": _SIZE,
    "dilation_rate": _SIZES,
    "filters": _SIZE,
    "keepdims": _FLAG,
    "kernel_size": _SIZES,
    "padding": Rule(lambda _, __, value: value.lower() if isinstance(value, str) else value),
    "pool_size": _SIZES,
    "strides": _SIZES,
    "units": _SIZE,
    "use_bias": _FLAG,
}
# kernel_initializer, beta_regularizer, ...
_ENDINGS = {
    "initializer": Rule(lambda _, __, value: initializers.get(value), initializers.serialize),
    "regularizer": Rule(lambda _, __, value: regularizers.get(value), regularizers.serialize),
    "constraint": Rule(lambda _, __, value: constraints.get(value), constraints.serialize),
}
_AS_IT_IS = Rule(lambda _, __, value: value)


def keep(layer: Layer, scope: dict[str, Any]) -> None:
    """Makes the arguments of a constructor attributes of the layer, checked by the rules for their names.

    An argument that has no rule is kept as it is; the constructor may then check it and set the attribute anew.

    Args:
        layer: the layer, after `Layer.__init__`.
        scope: `locals()` of the constructor, before it has variables of its own.

    Raises:
        TypeError: if an argument is of a wrong type.
        ValueError: if it is out of range.

    Example:
    >>> from pyconv.layers import Layer, settings
    >>> class Scale(Layer):
    ...     def __init__(self, filters, gamma_initializer="ones", **kwargs):
    ...         super().__init__(**kwargs)
    ...         settings.keep(self, locals())
    >>> Scale(3, name="mine").get_config()["filters"]
    3
    """
    arguments = {name: value for name, value in scope.items() if name not in _NOT_KEPT}
    for name, value in arguments.items():
        setattr(layer, name, _rule(name).read(layer, name, value))
    layer._kept_arguments += [name for name in arguments if name not in layer._kept_arguments]


def config(layer: Layer) -> dict[str, Any]:
    """The arguments that were kept, as the layer's configuration has them."""
    return {name: _rule(name).write(getattr(layer, name)) for name in layer._kept_arguments}


def config_of_call(layer: Layer, base: dict[str, Any], made_by: functools.partial[Layer]) -> dict[str, Any]:
    """The configuration of a class of somebody's own that doesn't define one: what its constructor was called with.

    Args:
        layer: the layer.
        base: the configuration of any layer.
        made_by: the constructor and its arguments.

    Raises:
        NotImplementedError: if an argument can't be written down.
    """
    from pyconv.saving import serialize_keras_object  # noqa: PLC0415 - so that `import pyconv` stays light

    signature = inspect.signature(type(layer).__init__)
    kinds = {name: parameter.kind for name, parameter in signature.parameters.items()}
    _, *arguments = signature.bind(layer, *made_by.args, **made_by.keywords).arguments.items()
    described: dict[str, Any] = {}
    try:
        for name, value in arguments:
            if kinds[name] in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY):
                raise TypeError(f"{name} has no name that it could be given by")
            written = serialize_keras_object(value)
            described |= written if kinds[name] is inspect.Parameter.VAR_KEYWORD else {name: written}
    except (TypeError, ValueError) as error:
        raise NotImplementedError(
            f"{layer._op}: the layer must override `get_config`, for its constructor was called with what a "
            f"configuration can't say: {error}."
        ) from error
    takes_any = inspect.Parameter.VAR_KEYWORD in kinds.values()
    return {name: value for name, value in base.items() if takes_any or name in kinds} | described


def arguments_of_call(config: dict[str, Any]) -> dict[str, Any]:
    """What `config_of_call` wrote as arguments again; those that every layer has are read by `Layer` itself."""
    from pyconv.saving import deserialize_keras_object  # noqa: PLC0415 - see config_of_call

    every = ("dtype", "activity_regularizer")
    return {name: value if name in every else deserialize_keras_object(value) for name, value in config.items()}


def weight(
    layer: Layer, name: str, shape: tuple[int, ...], prefix: str | None = None, *, trainable: bool = True
) -> Variable:
    """Makes a weight with the initializer, regularizer and constraint that were kept for it.

    Args:
        layer: the layer that it belongs to.
        name: the weight's name.
        shape: its shape.
        prefix: how the arguments' names begin, name by default: `kernel_initializer`, `kernel_regularizer` ...
        trainable: whether `fit` updates it.
    """
    kept = {ending: getattr(layer, f"{prefix or name}_{ending}", None) for ending in _ENDINGS}
    return layer.add_weight(shape, trainable=trainable, name=name, **kept)


def _rule(name: str) -> Rule:
    return _RULES.get(name) or _ENDINGS.get(name.rpartition("_")[2], _AS_IT_IS)
