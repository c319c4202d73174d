"""The description of a model from a file, looked through before anything is made of it. Makes nothing itself.

All that is unknown is named at once, and what pyconv has in one way only is put in that way: numbers of half precision,
and integers that go in, become float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyconv import ops
from pyconv.naming import snake_case
from pyconv.saving.errors import ModelFileError, UnknownClassesError, blamed_on_file
from pyconv.saving.known_classes import find_class

# The deepest networks of Keras have some 1,500.
_MOST_LAYERS = 10_000


def checked(op: str, name: str, config: Any) -> dict[str, Any]:
    """The description in the form that `deserialize_keras_object` reads.

    Args:
        op: who reads, for errors.
        name: what the file is called in errors.
        config: what the file says.

    Raises:
        ModelFileError: if it isn't a description, or one of too many layers.
        UnknownClassesError: if it names what isn't known.
    """
    with blamed_on_file(op, name):
        if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
            raise ModelFileError(f"{op}: {name} does not describe a model.")
        entries = list(_entries(config))
        if len(entries) > _MOST_LAYERS:
            raise ModelFileError(f"{op}: {name} has more than {_MOST_LAYERS} layers.")
        unknown: dict[str, list[str]] = {}
        for entry in entries:
            if (what := _unknown(entry)) is not None:
                unknown.setdefault(what, []).append(str(entry.get("name") or entry["config"].get("name")))
            _make_float(entry["config"])
    if unknown:
        listed = "; ".join(f"{what} ({', '.join(map(repr, names))})" for what, names in unknown.items())
        raise UnknownClassesError(
            f"{op}: {name} has layers of kinds that pyconv does not have: {listed}. Give classes of your own in "
            "custom_objects, by these names. The code that a Lambda holds is never run: write it as a layer."
        )
    return config


def _entries(config: Any) -> Iterator[dict[str, Any]]:
    """The model and the layers in it, those of models within as well."""
    waiting = [config]
    while waiting:
        entry = waiting.pop()
        if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict):
            raise ModelFileError(f"a layer must have a class and a configuration. Received: {str(entry)[:80]}.")
        yield entry
        inner = entry["config"].get("layers", [])
        waiting += inner if isinstance(inner, list) else []


def _unknown(entry: dict[str, Any]) -> str | None:
    """What is unknown about an entry, None if nothing is."""
    module, name = entry.get("module"), entry.get("class_name")
    if str(module).startswith(("keras.src.ops", "keras.ops")):
        return None if snake_case(str(name)) in ops.__all__ else f"operation {name}"
    if find_class(module, name, entry.get("registered_name")) is not None:
        return None
    own = entry.get("registered_name")
    return f"{name}, registered as {own!r}" if own and own != name else str(name)


def _make_float(config: dict[str, Any]) -> None:
    dtype = config.get("dtype")
    name = dtype.get("config", {}).get("name") if isinstance(dtype, dict) else dtype
    if isinstance(dtype, dict) and ("Quantized" in str(dtype.get("class_name")) or "_from_" in str(name)):
        raise ModelFileError(f"the weights of layer {config.get('name')!r} are quantized, which can't be read yet.")
    if dtype is not None and name != "float64":
        config["dtype"] = "float32"
