"""Weights of PyTorch's modules in a model of pyconv whose layers follow one another. Needs no PyTorch.

PyTorch has channels before pixels, in kernels and in what it flattens; a dense layer behind a Flatten therefore gets
its rows in another order. Modules are taken in their order for the layers in theirs: names mean nothing.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyconv import layers
from pyconv.layers.base_conv import BaseConv
from pyconv.layers.base_conv_transpose import BaseConvTranspose
from pyconv.layers.base_depthwise_conv import BaseDepthwiseConv
from pyconv.layers.layer import Layer
from pyconv.models.model import Model
from pyconv.models.sequential import Sequential
from pyconv.ops.arrays import as_float

_OP = "load_torch_state_dict"
Arrays = dict[str, NDArray[Any]]
Order = NDArray[Any] | None  # for each number that our Flatten gives, its place in what PyTorch's gives


def load_torch_state_dict(model: Model, state: Any) -> None:
    """Sets a model's weights to those of PyTorch's modules; nothing is changed unless all fit.

    The model's layers must follow one another, and PyTorch's modules with weights be as many, in the same order.
    What isn't a weight isn't in the state: give BatchNormalization and the like `epsilon=1e-5`, PyTorch's default.

    Args:
        model: a model that is built.
        state: what `module.state_dict()` gives, tensors or arrays by name, or the path of a .safetensors file (extra
            `safetensors`). In such a file names are sorted: where more than one module fits next it is refused.

    Raises:
        ImportError: if state is a path and safetensors isn't installed.
        ValueError: if the model branches, or a layer has no counterpart or another shape; the reason is named.
    """
    from_file = isinstance(state, str | os.PathLike)
    modules = _modules(_read(state) if from_file else state)
    planned: list[tuple[Layer, list[Any]]] = []
    order: Order = None
    for layer in _line(model):
        if isinstance(layer, layers.Flatten):
            order = _flattening(layer) if order is None else order
        if not layer.weights:
            if order is not None and not isinstance(layer, _KEEPING_ORDER):
                raise ValueError(f"{_OP}: behind Flatten {layer.name!r} puts numbers in an order that isn't followed.")
            continue
        name = _next_module(layer, modules, order, from_file)
        planned.append((layer, _converted(layer, modules.pop(name), name, order)))
        order = None if isinstance(layer, layers.Dense) else order
    if modules:
        raise ValueError(f"{_OP}: there are no layers for the modules {list(modules)}.")
    for layer, arrays in planned:
        layer.set_weights(arrays)


def _conv(layer: Any, given: Arrays, order: Order) -> list[Any]:
    kernel = given["weight"]  # (filters, channels, ...) -> (..., channels, filters)
    return [np.moveaxis(kernel, (0, 1), (-1, -2)), *_bias(layer, given)]


def _conv_transpose(layer: Any, given: Arrays, order: Order) -> list[Any]:
    kernel = given["weight"]  # (channels, filters, ...) -> (..., filters, channels)
    return [np.moveaxis(kernel, (0, 1), (-1, -2)), *_bias(layer, given)]


def _depthwise(layer: Any, given: Arrays, order: Order) -> list[Any]:
    kernel = given["weight"]  # (channels * multiplier, 1, ...) -> (..., channels, multiplier)
    channels = kernel.shape[0] // layer.depth_multiplier
    split = kernel.reshape(channels, layer.depth_multiplier, *kernel.shape[2:])
    return [np.moveaxis(split, (0, 1), (-2, -1)), *_bias(layer, given)]


def _dense(layer: Any, given: Arrays, order: Order) -> list[Any]:
    kernel = given["weight"].T
    return [kernel if order is None else kernel[order], *_bias(layer, given)]


def _normalization(layer: Any, given: Arrays, order: Order) -> list[Any]:
    names = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    arrays = [given[names[weight.name]] for weight in layer.weights]
    return arrays if order is None else [array[order] for array in arrays]


def _p_re_lu(layer: Any, given: Arrays, order: Order) -> list[Any]:
    (alpha,), slope = layer.weights, given["weight"]  # one for each channel, or one for all
    if slope.size == alpha.size:
        return [slope.reshape(alpha.shape) if order is None else slope[order]]
    return [np.broadcast_to(slope, alpha.shape)]


_CONVERTERS: list[tuple[Any, Callable[[Any, Arrays, Order], list[Any]]]] = [
    (BaseDepthwiseConv, _depthwise),
    (BaseConvTranspose, _conv_transpose),
    (BaseConv, _conv),
    (layers.Dense, _dense),
    (layers.BatchNormalization, _normalization),
    (layers.LayerNormalization, _normalization),
    (layers.GroupNormalization, _normalization),
    (layers.PReLU, _p_re_lu),
]
_KEEPING_ORDER = (
    *(layers.Activation, layers.Dropout, layers.ELU, layers.Flatten, layers.GaussianNoise, layers.Identity),
    *(layers.InputLayer, layers.LeakyReLU, layers.ReLU, layers.Softmax),
)


def _bias(layer: Any, given: Arrays) -> list[Any]:
    return [given["bias"]] if layer.use_bias else []


def _converted(layer: Layer, given: Arrays, name: str, order: Order) -> list[Any]:
    """The module's arrays as the layer's weights, of the right shapes."""
    convert = next((convert for kind, convert in _CONVERTERS if isinstance(layer, kind)), None)
    if convert is None:
        raise ValueError(f"{_OP}: no module of PyTorch is like the {type(layer).__name__} {layer.name!r}.")
    try:
        arrays = convert(layer, given, order)
    except (IndexError, KeyError, ValueError) as error:
        arrays = [f"none for {error}"]
    shapes, right = [np.shape(array) for array in arrays], [weight.shape for weight in layer.weights]
    # A bias that the layer doesn't have must not be lost in silence.
    surplus = "bias" in given and not getattr(layer, "use_bias", True)
    if shapes != right or surplus:
        raise ValueError(
            f"{_OP}: module {name!r} does not fit layer {layer.name!r}, whose weights are "
            f"{[f'{weight.name} {weight.shape}' for weight in layer.weights]}. "
            f"Received: {[f'{key} {array.shape}' for key, array in given.items()]}."
        )
    return arrays


def _next_module(layer: Layer, modules: dict[str, Arrays], order: Order, from_file: bool) -> str:
    """The module that is the layer's: the next one; in a file, where names are sorted, the only one that fits."""
    if not modules:
        raise ValueError(f"{_OP}: there is no module left for layer {layer.name!r}.")
    if not from_file:
        return next(iter(modules))
    heads: dict[str, str] = {}  # of each part of the network the first module: numbers in names do say an order
    for name in modules:
        heads.setdefault(re.split(r"\d", name)[0], name)
    fitting = [name for name in heads.values() if _fits(layer, modules[name], name, order)]
    if len(fitting) != 1:
        raise ValueError(
            f"{_OP}: the file does not say which module is layer {layer.name!r}: {fitting or list(heads.values())} "
            f"{'could be' if fitting else 'do not fit'}. Give module.state_dict(), which has an order."
        )
    return fitting[0]


def _fits(layer: Layer, given: Arrays, name: str, order: Order) -> bool:
    try:
        _converted(layer, given, name, order)
    except ValueError:
        return False
    return True


def _modules(state: Any) -> dict[str, Arrays]:
    """The arrays by module, in order."""
    if not isinstance(state, Mapping):
        raise TypeError(f"{_OP}: state must be a dictionary or a path. Received: {type(state).__name__}.")
    modules: dict[str, Arrays] = {}
    for key, value in state.items():
        module, _, name = str(key).rpartition(".")
        if name != "num_batches_tracked":
            array = value.detach().cpu().numpy() if hasattr(value, "detach") else value
            modules.setdefault(module, {})[name] = as_float(_OP, str(key), array)
    return modules


def _read(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        from safetensors.numpy import load_file  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ImportError(f"{_OP}: such files need safetensors: pip install pyconv-nn[safetensors]") from error
    found: dict[str, Any] = load_file(path)

    def place(name: str) -> list[Any]:
        return [(part.isdigit(), int(part) if part.isdigit() else part) for part in re.split(r"(\d+)", name)]

    return {name: found[name] for name in sorted(found, key=lambda name: place(name.rpartition(".")[0]))}


def _line(model: Model) -> Iterator[Layer]:
    """The layers one after another, those of models within in their place."""
    if isinstance(model, Sequential):
        parts: list[Any] = model.layers
    elif model.is_functional:
        nodes = model._defined("layers").nodes
        for before, node in itertools.pairwise(nodes):
            if len(node.inputs) != 1 or node.inputs[0].node is not before:
                raise ValueError(f"{_OP}: the model branches at {node.operation.name!r}, layers must be in a line.")
        parts = [node.operation for node in nodes]
    else:
        raise ValueError(f"{_OP}: the layers of {model.name!r} are in an order of its own, which isn't known.")
    for part in parts:
        if isinstance(part, Model):
            yield from _line(part)
        elif isinstance(part, Layer):
            yield part
        else:
            raise ValueError(f"{_OP}: the operation {part.name!r} may change an order that must be followed.")


def _flattening(layer: Layer) -> Order:
    """For each number that Flatten gives, its place in PyTorch's: channels before pixels there, after them here."""
    shape: Any = layer.input_shape
    *pixels, channels = shape[1:] if layer.data_format == "channels_last" else (*shape[2:], shape[1])  # type: ignore[attr-defined]
    if None in pixels or channels is None or all(size == 1 for size in pixels):
        return None  # of unknown size no dense layer can follow; of one pixel either order is the same
    return np.moveaxis(np.arange(np.prod(shape[1:])).reshape(channels, *pixels), 0, -1).ravel()
