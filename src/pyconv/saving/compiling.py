"""How a model was compiled and what its optimizer remembers, to files and back. Never keeps a model from being read."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from pyconv.models.model import Model
from pyconv.saving.weights import set_optimizer

# Arguments of Keras 2's optimizers: new names, None for those that have gone.
_OLD_NAMES = {"lr": "learning_rate", "decay": None, "is_legacy_optimizer": None, "jit_compile": None}


def compile_config_of(model: Model) -> dict[str, Any]:
    """What `compile` was given; empty if it wasn't called, or with a warning if that can't be written."""
    try:
        return model.get_compile_config()
    except (TypeError, ValueError) as error:
        warnings.warn(f"{model.name}: saved without what compile was given: {error}", stacklevel=4)
        return {}


def training_config(compile_config: dict[str, Any]) -> dict[str, Any]:
    """What `get_compile_config` gives, in the form of the old files."""
    optimizer = compile_config["optimizer"]
    described = {key: optimizer[key] for key in ("class_name", "config")} if isinstance(optimizer, dict) else optimizer
    others = {key: value for key, value in compile_config.items() if key != "optimizer"}
    return others | {"optimizer_config": described}


def compile_config(training_config: dict[str, Any]) -> dict[str, Any]:
    """The other way round; what only Keras 2 had is left out."""
    config = {
        key: value for key, value in training_config.items() if key not in ("optimizer_config", "sample_weight_mode")
    }
    optimizer = training_config["optimizer_config"]
    renamed = {_OLD_NAMES.get(key, key): value for key, value in optimizer["config"].items()}
    renamed.pop(None, None)
    return config | {"optimizer": {"class_name": optimizer["class_name"], "config": renamed}}


def compile_from(model: Model, read_config: Callable[[], Any], read_state: Callable[[], list[Any]]) -> None:
    """Compiles a model as a file says, and warns where that isn't possible.

    Args:
        model: the model, with its weights.
        read_config: gives what `get_compile_config`, or Keras', wrote.
        read_state: gives what the file has of the optimizer's state.
    """
    try:
        model.compile_from_config(read_config())
    except Exception as error:  # whatever it is, the model itself is there and can be compiled by hand
        warnings.warn(f"{model.name}: not compiled, for what the file says can't be used: {error}", stacklevel=4)
        return
    try:
        if model.optimizer is not None and (arrays := read_state()):
            set_optimizer(model.optimizer, arrays)
    except Exception as error:  # as above: the optimizer starts anew
        warnings.warn(f"{model.name}: the optimizer starts anew, its state does not fit: {error}", stacklevel=4)
