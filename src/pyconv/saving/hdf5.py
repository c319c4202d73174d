"""HDF5 files as nested groups of arrays, looked through for anything dangerous before a number is read.

Knows nothing of Keras. A file may hold groups and arrays, each in one place. Links to other files or by name, data kept
elsewhere, and arrays that together are larger than the file itself, are refused.
"""

from __future__ import annotations

import contextlib
import io
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyconv.saving import global_heaps
from pyconv.saving.errors import ModelFileError, blamed_on_file

# A deep network has some 1,500 layers, each with a handful of groups and arrays, and as much again for the optimizer.
_MOST_OBJECTS = 200_000
# Weights are nearly random and shrink by a tenth; what grows by more than this was made to fill memory.
_MOST_EXPANSION = 4


class Group(NamedTuple):
    """A group of a file: what it is called there, its attributes, the groups and the arrays in it."""

    path: str
    attributes: Any  # h5py's: names to values
    groups: dict[str, Group]
    datasets: dict[str, Any]

    def at(self, path: str) -> Group | None:
        """The group at a path from here, None if there is none."""
        found: Group | None = self
        for part in path.split("/"):
            found = found.groups.get(part) if found is not None and part else found
        return found

    def array(self, path: str) -> NDArray[Any]:
        """The numbers at a path from here.

        Raises:
            ModelFileError: if there are none.
        """
        folder, _, name = path.rpartition("/")
        group = self.at(folder)
        if group is None or name not in group.datasets:
            raise ModelFileError(f"{self.path or '/'} has no array {path!r}.")
        dataset = group.datasets[name]
        if _is_bfloat16(dataset):
            # The upper half of a float32's bits.
            return (np.asarray(dataset).view(np.uint16).astype(np.uint32) << 16).view(np.float32)
        if dataset.dtype.kind not in "biuf":
            raise ModelFileError(f"{self.path or '/'}: {path!r} must hold numbers. Received: dtype={dataset.dtype}.")
        return np.asarray(dataset[()])

    def texts(self, name: str) -> list[str]:
        """An attribute that is a list of names; Keras cuts a long one into name0, name1, ..."""
        if name in self.attributes:
            return [_text(item) for item in np.ravel(self.attributes[name])]
        parts: list[str] = []
        for number in range(len(self.attributes)):
            if f"{name}{number}" not in self.attributes:
                break
            parts += [_text(item) for item in np.ravel(self.attributes[f"{name}{number}"])]
        return parts

    def text(self, name: str) -> str | None:
        """An attribute that is one text, None if there is none."""
        return _text(self.attributes[name]) if name in self.attributes else None

    def total(self) -> int:
        """How many numbers this group and those inside hold."""
        own = sum(int(dataset.size or 0) for dataset in self.datasets.values())
        return own + sum(group.total() for group in self.groups.values())


@contextlib.contextmanager
def reading(op: str, name: str, source: Path | bytes) -> Iterator[Group]:
    """The root of a file, open within the `with` block.

    Args:
        op: who reads, for errors.
        name: what the file is called in errors.
        source: its path, or its bytes.

    Raises:
        ImportError: if h5py isn't installed.
        ModelFileError: if it isn't a sound HDF5 file, or does what none may do.
    """
    h5py = package(op)
    with blamed_on_file(op, name):
        size = _checked_size(source)
        with h5py.File(io.BytesIO(source) if isinstance(source, bytes) else source, "r") as file:
            yield _Scan(h5py, file, size).root()


def _checked_size(source: Path | bytes) -> int:
    """How many bytes there are, once it is sure that libhdf5 can be let loose on them."""
    if isinstance(source, bytes):
        global_heaps.check(source)
        return len(source)
    with source.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        global_heaps.check(data)
        return len(data)


def package(op: str) -> Any:
    """The package h5py; raises ImportError, saying how to install it, where it is missing."""
    try:
        import h5py  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise ImportError(f"{op}: Keras' files need h5py: pip install pyconv-nn[keras]") from error
    return h5py


class _Scan:
    """One look through a file, without reading numbers."""

    def __init__(self, h5py: Any, file: Any, size: int) -> None:
        self.h5py, self.file, self.size = h5py, file, size
        self.seen: set[int] = set()  # places in the file: what is linked twice may be a loop
        self.bytes = 0

    def root(self) -> Group:
        root = Group("", self._attributes("", self.file), {}, {})
        self._enter("", self.file)
        waiting = [(root, self.file)]
        while waiting:
            group, source = waiting.pop()
            for key in source:
                path = f"{group.path}/{key}" if group.path else key
                link = source.get(key, getlink=True)
                if not isinstance(link, self.h5py.HardLink):
                    raise ModelFileError(f"{path!r} is a {type(link).__name__}, which no file of weights may have.")
                thing = source[key]
                self._enter(path, thing)
                if isinstance(thing, self.h5py.Group):
                    inner = Group(path, self._attributes(path, thing), {}, {})
                    group.groups[key] = inner
                    waiting.append((inner, thing))
                elif isinstance(thing, self.h5py.Dataset):
                    self._attributes(path, thing)
                    group.datasets[key] = self._checked(path, thing)
                else:
                    raise ModelFileError(f"{path!r} is neither a group nor an array.")
        return root

    def _enter(self, path: str, thing: Any) -> None:
        address = self.h5py.h5o.get_info(thing.id).addr
        if address in self.seen:
            raise ModelFileError(f"{path!r} leads to where another name leads already.")
        self.seen.add(address)
        if len(self.seen) > _MOST_OBJECTS:
            raise ModelFileError(f"there are more than {_MOST_OBJECTS} groups and arrays.")

    def _attributes(self, path: str, thing: Any) -> Any:
        """The attributes, none of which is larger than the file."""
        for name in thing.attrs:
            attribute = thing.attrs.get_id(name)
            if _bytes(attribute.shape, attribute.dtype) > self.size:
                raise ModelFileError(f"the attribute {name!r} of {path or '/'!r} is larger than the file.")
        return thing.attrs

    def _checked(self, path: str, dataset: Any) -> Any:
        properties = dataset.id.get_create_plist()
        if properties.get_layout() == self.h5py.h5d.VIRTUAL or properties.get_external_count() > 0:
            raise ModelFileError(f"the numbers of {path!r} are kept in another place.")
        self.bytes += _bytes(dataset.shape, dataset.dtype)
        most = self.size * (_MOST_EXPANSION if properties.get_nfilters() else 1)
        if self.bytes > most:
            raise ModelFileError(
                f"the arrays up to {path!r}, which has the shape {dataset.shape}, take {self.bytes} bytes, the file "
                f"has {self.size}."
            )
        return dataset


def _bytes(shape: tuple[int, ...] | None, dtype: Any) -> int:
    count = 0 if shape is None else 1
    for size in shape or ():
        count *= int(size)  # Python's integers don't overflow
    return count * int(dtype.itemsize)


def _is_bfloat16(dataset: Any) -> bool:
    return "dtype" in dataset.attrs and _text(dataset.attrs["dtype"]) == "bfloat16" and dataset.dtype.itemsize == 2


def _text(value: Any) -> str:
    if isinstance(value, bytes | np.bytes_):
        return bytes(value).decode("utf-8")
    return str(value)
