"""The zip archive that a .keras file is: its members in memory and never on disk. Knows nothing of layers.

metadata.json      the library's version and the date
config.json        the model's description, see serialization.py
model.weights.h5   its weights, see weights.py
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable
from typing import Any, BinaryIO

from pyconv.saving.errors import ModelFileError, blamed_on_file

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# Keras compresses nothing. Small members may grow as they like; of large ones, weights are nearly random, and a text of
# many megabytes is no configuration.
_FREE_BYTES, _MOST_EXPANSION = 1 << 20, 4
_MOST_JSON_BYTES = 64 << 20  # that of a network of 1,500 layers is 2 MB
_MOST_JSON_ITEMS = 1_000_000  # there 60,000
_MOST_JSON_DEPTH = 200  # a model inside a model takes five levels


class KerasArchive:
    """A .keras file that is open to be read.

    Args:
        op: who reads, for errors.
        file: the file, open and in binary mode.
        name: what the file is called in errors.

    Raises:
        ModelFileError: if it isn't an archive.
    """

    def __init__(self, op: str, file: BinaryIO, name: str) -> None:
        self._op, self._name = op, name
        with blamed_on_file(op, name):
            try:
                self._zip = zipfile.ZipFile(file)
            except zipfile.BadZipFile as error:
                raise ModelFileError(f"{op}: {name} is not a .keras file: {error}.") from error

    def config(self) -> Any:
        """The model's description."""
        with blamed_on_file(self._op, f"{CONFIG} of {self._name}"):
            return parse_json(self._read(CONFIG, _MOST_JSON_BYTES))

    def weights(self) -> bytes:
        """The file of weights."""
        return self._read(WEIGHTS, None)

    def _read(self, member: str, most: int | None) -> bytes:
        with blamed_on_file(self._op, self._name):
            if member not in self._zip.namelist():
                raise ModelFileError(f"{self._op}: {self._name} has no {member}, which a .keras file must have.")
            info = self._zip.getinfo(member)
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ModelFileError(f"{self._op}: {member} of {self._name} is compressed in an unusual way.")
            if info.file_size > max(_FREE_BYTES, _MOST_EXPANSION * info.compress_size) or (
                most is not None and info.file_size > most
            ):
                raise ModelFileError(
                    f"{self._op}: {member} of {self._name} is said to be {info.file_size} bytes long, and "
                    f"{info.compress_size} in the archive. It is not read, for it may be made to fill memory."
                )
            try:
                return self._zip.read(info)
            except (zipfile.BadZipFile, zlib.error) as error:
                raise ModelFileError(f"{self._op}: {member} of {self._name} is broken: {error}.") from error


def write(file: BinaryIO, config: Any, metadata: Any, weights: bytes) -> None:
    """Writes a .keras file."""
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(METADATA, json.dumps(metadata))
        archive.writestr(CONFIG, json.dumps(config))
        archive.writestr(WEIGHTS, weights)


def parse_json(text: str | bytes) -> Any:
    """What a text of JSON means.

    Raises:
        ModelFileError: if it would make more objects than a configuration needs, or exhaust the stack.
        ValueError: if it isn't JSON.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    items = text.count(",") + text.count("[") + text.count("{")
    if items > _MOST_JSON_ITEMS:
        raise ModelFileError(f"a configuration may have {_MOST_JSON_ITEMS} values. Received: {items}.")
    parsed = json.loads(text)  # at a depth of a thousand a RecursionError
    level, depth = [parsed], 0
    while level := [item for value in level for item in _inside(value)]:
        depth += 1
        if depth > _MOST_JSON_DEPTH:
            raise ModelFileError(f"a configuration may be nested {_MOST_JSON_DEPTH} levels deep. It is deeper.")
    return parsed


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
