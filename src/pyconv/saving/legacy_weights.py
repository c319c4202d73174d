"""The weights of a model in HDF5 files of the old form, whole models and weights alone, written and read.

attribute layer_names           the layers in order, at the root or in the group model_weights
conv2d                          a layer's group; its attribute weight_names says where its arrays are and their order
top_level_model_weights         weights that belong to the model itself
optimizer_weights               at the root, beside model_weights
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from pyconv.layers.layer import Layer
from pyconv.models.model import Model
from pyconv.saving.errors import ModelFileError
from pyconv.saving.hdf5 import Group
from pyconv.variable import Variable

_TOP = "top_level_model_weights"
# What an HDF5 attribute may hold; Keras cuts longer lists of names into parts.
_MOST_ATTRIBUTE_BYTES = 64512


class _Saved(NamedTuple):
    """A layer's part of a file."""

    name: str
    group: Group
    paths: list[str]


def save(model: Model, group: Any) -> None:
    """Writes all weights of a model into an HDF5 group that is open."""
    _write_names(group, "layer_names", [layer.name for layer in model.layers])
    # By name, so that no group of a layer "a/b" is there before the group "a".
    for layer in sorted(model.layers, key=lambda layer: layer.name):
        _write(group.create_group(layer.name), _in_old_order(layer))
    _write(group.create_group(_TOP), [(weight.path, weight) for weight in model._own_weights()])


def save_optimizer(optimizer: Any, file: Any) -> None:
    """Writes what an optimizer remembers."""
    variables = [(getattr(v, "path", f"variable_{i}"), v) for i, v in enumerate(optimizer.variables)]
    _write(file.create_group("optimizer_weights"), variables)


def load(model: Model, group: Group, by_name: bool = False, skip_mismatch: bool = False) -> None:
    """Reads them; nothing is changed unless all fit.

    Args:
        model: a model that is built.
        group: the one with the attribute layer_names.
        by_name: whether layers are found by their names, those that the file lacks being left as they are. Otherwise
            the first layer with weights gets those of the file's first, and so on.
        skip_mismatch: whether layers whose weights don't fit are left as they are, with a warning.

    Raises:
        ModelFileError: if the numbers of layers or of a layer's weights differ, or shapes do.
    """
    pairs = (_by_name if by_name else _in_turn)(model, _saved(group))
    top = group.at(_TOP)
    if top is not None and (paths := top.texts("weight_names")):
        pairs.append((model, model._own_weights(), _Saved(_TOP, top, paths)))
    values: list[tuple[Variable, Any]] = []
    for layer, weights, saved in pairs:
        try:
            values += zip(weights, _arrays(layer, weights, saved), strict=True)
        except ModelFileError as error:
            if not skip_mismatch:
                raise
            warnings.warn(f"{model.name}: {error} The layer is left as it is.", stacklevel=4)
    for weight, array in values:
        weight.assign(array)


def optimizer_arrays(root: Group) -> list[Any]:
    """What a file has of an optimizer, in order."""
    group = root.at("optimizer_weights")
    return [] if group is None else [group.array(path) for path in group.texts("weight_names")]


Pair = tuple[Layer, list[Variable], _Saved]


def _in_turn(model: Model, saved: list[_Saved]) -> list[Pair]:
    layers = [layer for layer in model.layers if layer.weights]
    saved = [item for item in saved if item.paths]
    if len(layers) != len(saved):
        raise ModelFileError(
            f"{model.name!r} has {len(layers)} layers with weights, the file {len(saved)}. Use by_name=True for those "
            "that have the same names."
        )
    if {layer.name for layer in layers} == {item.name for item in saved}:
        return _by_name(model, saved)  # old Keras may have had another order of branches
    return [(layer, _weights(layer), item) for layer, item in zip(layers, saved, strict=True)]


def _by_name(model: Model, saved: list[_Saved]) -> list[Pair]:
    layers = {layer.name: layer for layer in model.layers}
    return [(layers[item.name], _weights(layers[item.name]), item) for item in saved if item.name in layers]


def _saved(group: Group) -> list[_Saved]:
    saved = []
    for name in group.texts("layer_names"):
        found = group.at(name)
        if found is None:
            raise ModelFileError(f"the file names a layer {name!r} and has no weights for it.")
        saved.append(_Saved(name, found, found.texts("weight_names")))
    return saved


def _arrays(layer: Layer, weights: list[Variable], saved: _Saved) -> list[Any]:
    if len(weights) != len(saved.paths):
        raise ModelFileError(
            f"layer {layer.name!r} has {len(weights)} weights, {saved.name!r} in the file {len(saved.paths)}."
        )
    arrays = []
    for weight, path in zip(weights, saved.paths, strict=True):
        array = saved.group.array(path)
        if array.shape != weight.shape:
            raise ModelFileError(
                f"the {weight.name} of layer {layer.name!r} has the shape {weight.shape}, {path!r} in the file "
                f"{array.shape}."
            )
        arrays.append(array)
    return arrays


def _weights(layer: Layer) -> list[Variable]:
    """A layer's weights in the order of the old files: in a nested model all trainable ones come first."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _in_old_order(layer: Layer) -> list[tuple[str, Variable]]:
    """A layer's weights with the paths that they get in the file."""
    owners = {id(weight): owner.name for owner, weight in layer._owned_weights()}
    prefix = "" if isinstance(layer, Model) is False else f"{layer.name}/"
    return [(f"{prefix}{owners[id(weight)]}/{weight.name}", weight) for weight in _weights(layer)]


def _write(group: Any, weights: list[tuple[str, Any]]) -> None:
    paths: list[str] = []
    for path, weight in weights:
        unique = f"{path}_{len(paths)}" if path in paths else path
        group[unique] = np.asarray(weight)
        paths.append(unique)
    _write_names(group, "weight_names", paths)


def _write_names(group: Any, attribute: str, names: list[str]) -> None:
    encoded = np.array([name.encode() for name in names])
    parts = max(1, -(-encoded.nbytes // _MOST_ATTRIBUTE_BYTES))
    for number, part in enumerate(np.array_split(encoded, parts)):
        group.attrs[attribute if parts == 1 else f"{attribute}{number}"] = part
