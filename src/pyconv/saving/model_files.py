"""Models and weights to files and back: finds out what kind of file it is, and leaves the rest to the other modules."""

from __future__ import annotations

import contextlib
import datetime
import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from pyconv import weight_budget
from pyconv.models.model import Model
from pyconv.saving import archive, compiling, described, hdf5, legacy_config, legacy_weights, weights
from pyconv.saving.errors import ModelFileError
from pyconv.saving.registration import custom_object_scope
from pyconv.saving.serialization import deserialize_keras_object, serialize_keras_object
from pyconv.saving.sharing import shared_objects

# The version of Keras whose files these are.
_KERAS_VERSION = "3.15.1"
_LOAD = "load_model"
_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Model:
    """The model in a file that pyconv or Keras saved: .keras, or .h5 and .hdf5 of Keras 2 and 3.

    A file can't make anything run: it names classes of pyconv, and those that you give, and holds numbers.

    Args:
        filepath: the file; what it is called doesn't matter.
        custom_objects: classes and functions of your own that it names, by their names.
        compile: whether the model is compiled as it was when it was saved. What of that can't be done is warned of.
        safe_mode: True; there is no other mode, for code in files is never run.

    Raises:
        OSError: if the file can't be opened.
        pyconv.saving.UnknownClassesError: if it names classes or functions that are neither pyconv's nor given.
        pyconv.saving.ModelFileError: if it is broken or isn't such a file. Both are ValueErrors.

    Example:
    >>> import os, tempfile
    >>> import pyconv
    >>> model = pyconv.Sequential([pyconv.Input((4,)), pyconv.layers.Dense(3)])
    >>> path = os.path.join(tempfile.mkdtemp(), "model.keras")
    >>> model.save(path)
    >>> pyconv.load_model(path).count_params()
    15
    """
    if not safe_mode:
        raise ValueError("load_model: safe_mode must be True, code in files is never run. Received: safe_mode=False.")
    path = Path(filepath)
    with path.open("rb") as file, custom_object_scope(custom_objects or {}):
        if file.read(len(_HDF5)) == _HDF5:
            return _load_legacy(path, compile)
        return _load_archive(file, path.name, compile)


def save_model(
    model: Model, filepath: str | os.PathLike[str], overwrite: bool = True, include_optimizer: bool = True
) -> None:
    """Writes a model to a file that Keras 3 and pyconv read: structure, weights, optimizer, what compile was given.

    Args:
        model: the model.
        filepath: a name that ends in .keras, or in .h5 or .hdf5 for the old form.
        overwrite: whether a file of that name may be replaced.
        include_optimizer: whether the optimizer's state is written.

    Raises:
        FileExistsError: if there is such a file and it may not be replaced.
        ImportError: if h5py isn't installed, which only writing needs (`pip install pyconv-nn[keras]`).
        TypeError: if model isn't a model.
        ValueError: if the name ends otherwise, or part of the model can't be described.
    """
    op = "save_model"
    if not isinstance(model, Model):
        raise TypeError(f"{op}: model must be a model. Received: {model!r}.")
    path = Path(filepath)
    if path.suffix not in (".keras", ".h5", ".hdf5"):
        raise ValueError(f"{op}: filepath must end in .keras, .h5 or .hdf5. Received: filepath={str(filepath)!r}.")
    h5py = hdf5.package(op)
    with shared_objects():
        config = serialize_keras_object(model)
    compiled = compiling.compile_config_of(model) if include_optimizer else {}
    with _replacing(op, path, overwrite) as file:
        if path.suffix == ".keras":
            config["compile_config"] = compiled
            date = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
            metadata = {"keras_version": _KERAS_VERSION, "date_saved": date}
            archive.write(file, config, metadata, _weights_file(h5py, model, include_optimizer))
            return
        with h5py.File(file, "w") as root:
            _write_description(root, {"class_name": config["class_name"], "config": config["config"]})
            legacy_weights.save(model, root.create_group("model_weights"))
            if compiled:
                root.attrs["training_config"] = json.dumps(compiling.training_config(compiled))
                legacy_weights.save_optimizer(model.optimizer, root)


def save_weights(model: Model, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Writes a model's weights to a file that Keras 3 and pyconv read.

    Args:
        model: a model that is built.
        filepath: a name that ends in .weights.h5.
        overwrite: whether a file of that name may be replaced.

    Raises:
        FileExistsError: if there is such a file and it may not be replaced.
        ImportError: if h5py isn't installed, which only writing needs (`pip install pyconv-nn[keras]`).
        ValueError: if the name ends otherwise, or the model isn't built.
    """
    op, path = "save_weights", Path(filepath)
    if not path.name.endswith(".weights.h5"):
        raise ValueError(f"{op}: filepath must end in .weights.h5. Received: filepath={str(filepath)!r}.")
    _require_built(op, model)
    h5py = hdf5.package(op)
    with _replacing(op, path, overwrite) as file:
        file.write(_weights_file(h5py, model, True))


def load_weights(
    model: Model, filepath: str | os.PathLike[str], skip_mismatch: bool = False, by_name: bool = False
) -> None:
    """Reads a model's weights from a file; nothing is changed unless all fit.

    Args:
        model: a model that is built.
        filepath: a .weights.h5 or .keras file, or an .h5 file of the old form with or without the model.
        skip_mismatch: whether layers whose weights don't fit are left as they are, with a warning.
        by_name: for the old form: whether layers are found by name, not by their order.

    Raises:
        OSError: if the file can't be opened.
        ValueError: if the model isn't built, or by_name is asked for where names aren't in the file.
        pyconv.saving.ModelFileError: if the file is broken or its weights don't fit; a ValueError.
    """
    op, path = "load_weights", Path(filepath)
    _require_built(op, model)
    with path.open("rb") as file:
        start = file.read(len(_HDF5))
        source: Path | bytes = path
        if start.startswith(_ZIP):
            source = archive.KerasArchive(op, file, path.name).weights()
        elif start != _HDF5:
            raise ModelFileError(f"{op}: {path.name} is neither an HDF5 file nor a .keras file.")
        with hdf5.reading(op, path.name, source) as root:
            group = root.at("model_weights") or root
            if "layer_names" in group.attributes or "layer_names0" in group.attributes:
                legacy_weights.load(model, group, by_name, skip_mismatch)
                return
            if by_name:
                raise ModelFileError("by_name is for files of the old form, in this one layers are found by class.")
            weights.load(model, root, skip_mismatch)
            if model.optimizer is not None and root.at("optimizer/vars") is not None:
                with contextlib.suppress(ValueError):  # the state of another optimizer: this one goes on with its own
                    weights.set_optimizer(model.optimizer, weights.optimizer_arrays(root))


def _load_archive(file: BinaryIO, name: str, compile_it: bool) -> Model:
    held = archive.KerasArchive(_LOAD, file, name)
    config = described.checked(_LOAD, name, held.config())
    data = held.weights()
    with hdf5.reading(_LOAD, name, data) as root:
        model = _made(config, root)
        weights.load(model, root)
        if compile_it and config.get("compile_config"):
            compiling.compile_from(model, lambda: config["compile_config"], lambda: weights.optimizer_arrays(root))
    return model


def _load_legacy(path: Path, compile_it: bool) -> Model:
    with hdf5.reading(_LOAD, path.name, path) as root:
        text = root.text("model_config")
        if text is None:
            raise ModelFileError(
                f"{_LOAD}: {path.name} holds weights and no model: make the model and call load_weights."
            )
        old = archive.parse_json(text)
        config = described.checked(_LOAD, path.name, legacy_config.modern(old, root.text("keras_version")))
        model = _made(config, root)
        group = root.at("model_weights")
        if group is None:
            raise ModelFileError(f"{_LOAD}: {path.name} has no group model_weights.")
        legacy_weights.load(model, group)
        training = root.text("training_config")
        if compile_it and training is not None:
            compiling.compile_from(
                model,
                lambda: compiling.compile_config(archive.parse_json(training)),
                lambda: legacy_weights.optimizer_arrays(root),
            )
    return model


def _made(config: Any, root: hdf5.Group) -> Model:
    """The model that a description means, its weights zeros; the file must have as many numbers as they need."""
    with weight_budget.of(root.total()), shared_objects():
        model = deserialize_keras_object(config)
    if not isinstance(model, Model):
        raise ModelFileError(f"the file describes a {type(model).__name__}, not a model.")
    return model


def _weights_file(h5py: Any, model: Model, include_optimizer: bool) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as root:
        weights.save(model, root, include_optimizer)
    return file.getvalue()


def _write_description(root: Any, config: dict[str, Any]) -> None:
    root.attrs["model_config"] = json.dumps(config)
    root.attrs["keras_version"] = _KERAS_VERSION
    root.attrs["backend"] = "pyconv"


def _require_built(op: str, model: Model) -> None:
    if not model.built:
        raise ValueError(f"{op}: build the model {model.name!r} first, or call it on data. It has no weights yet.")


@contextlib.contextmanager
def _replacing(op: str, path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """A new file that takes the path's place when the `with` block is done; what was there stays if it fails."""
    if path.exists() and not overwrite:
        raise FileExistsError(f"{op}: the file is there and overwrite is False. Received: filepath={str(path)!r}.")
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with new.open("w+b") as file:
            yield file
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
