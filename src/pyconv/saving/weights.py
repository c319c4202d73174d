"""The weights of a model in Keras 3's files: which are where, written and read. Opens no files.

layers/conv2d/vars/0            a layer's weights, by number; conv2d is its class, with _1, _2, ... for the next ones
layers/sequential/layers/...    those of a model inside the model
my_block/vars/0                 those of a layer that is an attribute of a model or layer of one's own
optimizer/vars/0                what the optimizer remembers
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from pyconv.layers.layer import Layer
from pyconv.models.model import Model
from pyconv.models.sequential import Sequential
from pyconv.naming import snake_case
from pyconv.saving.errors import ModelFileError
from pyconv.saving.hdf5 import Group

# What Keras 2.13 called the group "layers".
_OLD_LAYERS = "_layer_checkpoint_dependencies"


def save(model: Layer, file: Any, include_optimizer: bool = True) -> None:
    """Writes all weights of a model, and its optimizer's, into an HDF5 file that is open."""
    for path, thing in _parts(model):
        if not (include_optimizer or isinstance(thing, Layer)):
            continue
        group = file.create_group(_join(path, "vars"))
        if name := getattr(thing, "name", None):
            group.attrs["name"] = name
        store: dict[str, Any] = {}
        thing.save_own_variables(store)
        for key, array in store.items():
            group[key] = array


def load(model: Layer, root: Group, skip_mismatch: bool = False) -> None:
    """Reads them; nothing is changed unless all weights fit. What a file has of an optimizer is left alone.

    Args:
        model: a model that is built.
        root: the file.
        skip_mismatch: whether layers that don't fit are left as they are, with a warning.

    Raises:
        ModelFileError: if one layer's weights are missing or have other shapes; all such layers are listed.
    """
    found = [(part, _group_of(root, path)) for path, part in _parts(model) if isinstance(part, Layer)]
    misfits = {id(layer): reason for layer, group in found if (reason := _misfit(layer, group))}
    if misfits:
        report = (
            f"{len(misfits)} of {len(found)} layers do not fit the file: {'; '.join(list(misfits.values())[:10])}"
            f"{'; ...' if len(misfits) > 10 else '.'}"
        )
        if not skip_mismatch:
            raise ModelFileError(report)
        warnings.warn(f"{model.name}: {report} They are left as they are.", stacklevel=4)
    for layer, group in found:
        if id(layer) not in misfits:
            layer.load_own_variables(_arrays(group))


def optimizer_arrays(root: Group) -> list[Any]:
    """What a file has of an optimizer, in order."""
    arrays = _arrays(root.at("optimizer/vars"))
    return [arrays[str(number)] for number in range(len(arrays))]


def set_optimizer(optimizer: Any, arrays: list[Any]) -> None:
    """Sets what an optimizer remembers; nothing is changed unless all of it fits.

    Raises:
        ValueError: if the arrays are of another number or other shapes.
    """
    variables = list(optimizer.variables)
    if [np.shape(array) for array in arrays] != [tuple(variable.shape) for variable in variables]:
        raise ValueError(f"it needs {len(variables)} arrays of the right shapes. Received: {len(arrays)}.")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _parts(model: Layer) -> Iterator[tuple[str, Any]]:
    """The layers in a model and its optimizer, each once, and where the file has them: in Keras' order."""
    seen: set[int] = set()
    waiting: list[tuple[str, Any]] = [("", model)]
    while waiting:
        path, thing = waiting.pop()
        if isinstance(thing, list):
            waiting += reversed(_items(path, thing))
        elif id(thing) not in seen:
            seen.add(id(thing))
            yield path, thing
            waiting += reversed(_attributes(path, thing) if isinstance(thing, Layer) else [])


def _attributes(path: str, layer: Layer) -> list[tuple[str, Any]]:
    """What a layer holds: a model's layers first, then attributes by name, private ones last."""
    inner: list[tuple[str, Any]] = []
    if isinstance(layer, Model) and (layer.is_functional or isinstance(layer, Sequential)):
        inner.append((_join(path, "layers"), list(layer.layers)))
    names = vars(layer).keys() - _reserved()
    if getattr(layer, "optimizer", None) is not None:
        names.add("optimizer")
    for name in sorted(names, key=lambda name: f"~{name}" if name.startswith("_") else name):
        value = getattr(layer, name)
        if isinstance(value, list | tuple | dict):
            inner.append((_join(path, name), list(value.values()) if isinstance(value, dict) else list(value)))
        elif isinstance(value, Layer) or name == "optimizer":
            inner.append((_join(path, name), value))
    return inner


def _items(path: str, items: list[Any]) -> list[tuple[str, Any]]:
    """What a list holds, called by class, for names differ from one making of a model to the next."""
    counts: dict[str, int] = {}
    inner: list[tuple[str, Any]] = []
    for item in items:
        value: Any = item
        if isinstance(item, Layer):
            base = snake_case(type(item).__name__)
        elif isinstance(item, list | tuple | dict):
            base, value = "container", list(item.values()) if isinstance(item, dict) else list(item)
        else:
            continue
        number = counts[base] = counts.get(base, -1) + 1
        inner.append((_join(path, f"{base}_{number}" if number else base), value))
    return inner


@functools.cache
def _reserved() -> frozenset[str]:
    """Attributes that every model has, in which no layer is looked for."""
    return frozenset(vars(Sequential(name="reserved")))


def _group_of(root: Group, path: str) -> Group | None:
    if "layers" not in root.groups and _OLD_LAYERS in root.groups:
        path = path.replace("layers", _OLD_LAYERS)
    return root.at(_join(path, "vars"))


def _misfit(layer: Layer, group: Group | None) -> str | None:
    """Why the group's arrays can't become the layer's weights, None if they can."""
    if type(layer).load_own_variables is not Layer.load_own_variables:
        return None  # it reads what it wants
    mine = layer._own_weights()
    if group is None:
        return f"layer {layer.name!r} has {len(mine)} weights, in the file are 0" if mine else None
    datasets = group.datasets
    if len(datasets) != len(mine) or any(str(number) not in datasets for number in range(len(mine))):
        unbuilt = "" if layer.built or mine else ", for it is not built"
        return f"layer {layer.name!r} has {len(mine)} weights{unbuilt}, in the file are {len(datasets)}"
    for number, weight in enumerate(mine):
        if (shape := group.shape(str(number))) != weight.shape:
            return f"the {weight.name} of layer {layer.name!r} has the shape {weight.shape}, in the file {shape}"
    return None


def _arrays(group: Group | None) -> dict[str, Any]:
    return {} if group is None else {key: group.array(key) for key in group.datasets}


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
