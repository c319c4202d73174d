"""Tensors' data in files beside the model. Reads nothing outside of the model's folder, and no more than is there."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from pyconv.onnx.errors import InvalidModelError


class ExternalData:
    """The files beside a model.

    Args:
        folder: where the model's file is; None for a model that isn't from a file, which can't have others.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._unread: dict[
            Path, int
        ] = {}  # bytes that may still be read: a file is no larger than its tensors together

    def read(self, tensor: Any, nbytes: int) -> bytes:
        """The bytes of a tensor.

        Raises:
            InvalidModelError: if they aren't in a file of the folder, or aren't `nbytes`.
        """
        label = f"the data of tensor {tensor.name!r}"
        entries = {entry.key: entry.value for entry in tensor.external_data}
        path = self._path(label, entries.get("location", ""))
        offset, length = _number(label, entries, "offset", 0), _number(label, entries, "length", nbytes)
        size = path.stat().st_size
        if length != nbytes or offset + length > size:
            raise InvalidModelError(
                f"onnx.load: {label} must be {nbytes} bytes within the {size} of {path.name!r}. "
                f"Received: offset={offset}, length={length}."
            )
        left = self._unread.get(path, size) - length
        if left < 0:
            raise InvalidModelError(f"onnx.load: the tensors in {path.name!r} overlap.")
        self._unread[path] = left
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def _path(self, label: str, location: str) -> Path:
        if self._folder is None:
            raise InvalidModelError(f"onnx.load: {label} is in another file, {location!r}: load the model by its path.")
        parts = location.replace("\\", "/").split("/")
        # A colon begins a drive or a stream of Windows; a folder or file that is a link may lead anywhere.
        if not location or "\0" in location or ":" in location or parts[0] == "" or ".." in parts:
            raise InvalidModelError(f"onnx.load: {label} must be in the model's folder. Received: {location!r}.")
        path = self._folder
        try:
            for part in parts:
                path = path / part
                if stat.S_ISLNK(os.lstat(path).st_mode):
                    raise InvalidModelError(f"onnx.load: {label} must not be behind a link. Received: {location!r}.")
            if not stat.S_ISREG(os.lstat(path).st_mode):
                raise InvalidModelError(f"onnx.load: {label} must be in a file. Received: {location!r}.")
        except OSError:
            raise InvalidModelError(f"onnx.load: {label} isn't there. Received: {location!r}.") from None
        return path


def _number(label: str, entries: dict[str, str], name: str, default: int) -> int:
    text = entries.get(name)
    if text is None:
        return default
    # No file is as long as a number of 19 digits; int() would take minutes for one of millions.
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidModelError(f"onnx.load: {label} must have a whole {name}. Received: {text[:30]!r}.")
    return int(text)
