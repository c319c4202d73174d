"""HDF5 files as nested groups of arrays, read from their bytes. Knows nothing of Keras.

What Keras and h5py write is read: groups, arrays in one piece, attributes. Links by name or to other files, data kept
elsewhere, and arrays that together are larger than the file itself, are refused before a number is read; so are
compressed arrays, which Keras doesn't write. From the HDF5 File Format Specification, version 3.0:

    group of the old form     a B-tree (III.A.1) of lists of entries (III.C), names in a heap (III.D)
    group of the new form     a link for each thing in it (IV.A.2.g)
    array                     its shape, type, and where its numbers are (IV.A.2.b, d, i)
"""

from __future__ import annotations

import contextlib
import math
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyconv.saving import hdf5_objects as kinds
from pyconv.saving.errors import ModelFileError, blamed_on_file
from pyconv.saving.hdf5_objects import Message, Objects

# Of a group or array with the entry of its name; the smallest that Keras writes take some 300.
_LEAST_OBJECT_BYTES = 64
_LONGEST_NAME = 1 << 16


class Dataset(NamedTuple):
    """An array of a file, whose numbers haven't been read."""

    objects: Objects
    attributes: dict[str, Any]
    shape: tuple[int, ...]
    dtype: np.dtype[Any] | None  # None: of texts or the like
    place: int

    def read(self) -> NDArray[Any]:
        """The numbers; those of half precision that NumPy doesn't have as float32."""
        if self.dtype is None:
            raise ModelFileError("an array must hold numbers.")
        data = self.objects.part(self.place, math.prod(self.shape) * self.dtype.itemsize)
        if self.dtype.kind == "V":  # bfloat16: the upper half of a float32's bits
            return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(self.shape)
        return np.frombuffer(data, self.dtype).astype(self.dtype.newbyteorder("=")).reshape(self.shape)


class Group(NamedTuple):
    """A group of a file: what it is called there, its attributes, the groups and the arrays in it."""

    path: str
    attributes: dict[str, Any]
    groups: dict[str, Group]
    datasets: dict[str, Dataset]

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
        return group.datasets[name].read()

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an array in this group."""
        return self.datasets[name].shape

    def texts(self, name: str) -> list[str]:
        """An attribute that is a list of names; Keras cuts a long one into name0, name1, ..."""
        found = [self.attributes[name]] if name in self.attributes else []
        while name not in self.attributes and f"{name}{len(found)}" in self.attributes:
            found.append(self.attributes[f"{name}{len(found)}"])
        texts = [text for part in found for text in (part if isinstance(part, list) else [part])]
        if not all(isinstance(text, str) for text in texts):
            raise ModelFileError(f"{self.path or '/'}: the attribute {name!r} must hold names.")
        return texts

    def text(self, name: str) -> str | None:
        """An attribute that is one text, None if there is none."""
        value = self.attributes.get(name)
        return value if isinstance(value, str) else None

    def total(self) -> int:
        """How many numbers this group and those inside hold."""
        own = sum(math.prod(dataset.shape) for dataset in self.datasets.values())
        return own + sum(group.total() for group in self.groups.values())


@contextlib.contextmanager
def reading(op: str, name: str, source: Path | bytes) -> Iterator[Group]:
    """The root of a file, open within the `with` block.

    Args:
        op: who reads, for errors.
        name: what the file is called in errors.
        source: its path, or its bytes.

    Raises:
        ModelFileError: if it isn't a sound HDF5 file, or does what none may do.
    """
    with blamed_on_file(op, name), contextlib.ExitStack() as stack:
        data: Any = source
        if not isinstance(source, bytes):
            descriptor = stack.enter_context(source.open("rb")).fileno()
            data = stack.enter_context(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
        yield _Scan(Objects(data), len(data)).root()


def package(op: str) -> Any:
    """The package h5py; raises ImportError, saying how to install it, where it is missing."""
    try:
        import h5py  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise ImportError(f"{op}: Keras' files need h5py: pip install pyconv-nn[keras]") from error
    return h5py


class _Scan:
    """One look through a file, without reading numbers."""

    def __init__(self, objects: Objects, size: int) -> None:
        self.objects, self.size = objects, size
        self.seen: set[int] = set()  # places in the file: what is met twice may be a loop
        self.bytes = 0

    def root(self) -> Group:
        messages = self.entered("", self.objects.root)
        root = Group("", self.objects.attributes(messages), {}, {})
        waiting = [(root, messages)]
        while waiting:
            group, messages = waiting.pop()
            for name, address in self.entries(messages):
                path = f"{group.path}/{name}" if group.path else name
                messages = self.entered(path, address)
                attributes = self.objects.attributes(messages)
                if any(message.kind == kinds.LAYOUT for message in messages):
                    group.datasets[name] = self.dataset(path, messages, attributes)
                else:
                    group.groups[name] = Group(path, attributes, {}, {})
                    waiting.append((group.groups[name], messages))
        return root

    def entered(self, path: str, address: int) -> list[Message]:
        """The header of a group or array that is met for the first time."""
        self.meet(path, address)
        return self.objects.messages(address)

    def meet(self, path: str, address: int) -> None:
        if address in self.seen:
            raise ModelFileError(f"{path!r} leads to where another name leads already.")
        self.seen.add(address)
        if len(self.seen) * _LEAST_OBJECT_BYTES > self.size:
            raise ModelFileError(f"there are more groups and arrays than {self.size} bytes can hold.")

    def entries(self, messages: list[Message]) -> Iterator[tuple[str, int]]:
        """The names in a group and where their things are."""
        for kind, place, _ in messages:
            if kind == kinds.NAMES:
                tree, heap = self.objects.unpack("<QQ", place)
                yield from self.old_entries(tree, heap)
            elif kind == kinds.LINK:
                yield self.link(place)
            elif kind == kinds.LINK_INFO:
                counted = 8 if self.objects.part(place + 1, 1)[0] & 1 else 0
                if self.objects.part(place + 2 + counted, 8) != kinds.NOWHERE:
                    raise ModelFileError("a group has its names in a form that Keras does not write.")

    def old_entries(self, tree: int, heap: int) -> Iterator[tuple[str, int]]:
        signature, size, _, names = self.objects.unpack("<4s4xQQQ", heap)
        if signature != b"HEAP":
            raise ModelFileError(f"there are no names at byte {heap}.")
        waiting = [tree]
        while waiting:
            node = waiting.pop()
            self.meet(f"byte {node}", node)
            signature, kind, count = self.objects.unpack("<4sBxH", node)
            if signature == b"TREE" and kind == 0:
                waiting += [self.objects.unpack("<Q", node + 32 + 16 * i)[0] for i in reversed(range(count))]
                continue
            signature, count = self.objects.unpack("<4sxxH", node)
            if signature != b"SNOD":
                raise ModelFileError(f"there are no entries of a group at byte {node}.")
            for entry in range(node + 8, node + 8 + 40 * count, 40):
                offset, address, cached = self.objects.unpack("<QQI", entry)
                if offset >= size:
                    raise ModelFileError(f"the name at byte {entry} is not in its heap.")
                text = self.objects.part(names + offset, min(size - offset, _LONGEST_NAME)).partition(b"\0")[0]
                if cached == 2:
                    raise ModelFileError(f"{text.decode()!r} is a SoftLink, which no file of weights may have.")
                yield text.decode(), address

    def link(self, place: int) -> tuple[str, int]:
        version, flags = self.objects.unpack("<BB", place)
        place += 2
        kind = self.objects.part(place, 1)[0] if flags & 8 else 0
        place += bool(flags & 8) + 8 * bool(flags & 4) + bool(flags & 16)
        width = 1 << (flags & 3)
        length = int.from_bytes(self.objects.part(place, width), "little")
        name = self.objects.part(place + width, min(length, _LONGEST_NAME)).decode()
        if version != 1 or kind != 0:
            named = {1: "a SoftLink", 64: "an ExternalLink"}.get(kind, "a link of an unknown kind")
            raise ModelFileError(f"{name!r} is {named}, which no file of weights may have.")
        return name, self.objects.unpack("<Q", place + width + length)[0]

    def dataset(self, path: str, messages: list[Message], attributes: dict[str, Any]) -> Dataset:
        places = {message.kind: message.place for message in messages}
        if kinds.EXTERNAL in places or kinds.SHAPE not in places or kinds.TYPE not in places:
            raise ModelFileError(f"the numbers of {path!r} are kept in another place.")
        shape, dtype = self.objects.shape(places[kinds.SHAPE]), self.objects.dtype(places[kinds.TYPE])
        itemsize = 1 if dtype is None else dtype.itemsize
        taken = math.prod(shape) * itemsize
        self.bytes += taken
        if self.bytes > self.size:
            raise ModelFileError(
                f"the arrays up to {path!r}, which has the shape {shape}, take {self.bytes} bytes, the file has "
                f"{self.size}."
            )
        version, layout = self.objects.unpack("<BB", places[kinds.LAYOUT])
        if layout == 3:
            raise ModelFileError(f"the numbers of {path!r} are kept in another place.")
        if version not in (3, 4) or layout not in (0, 1):
            raise ModelFileError(f"{path!r} is compressed or in pieces: h5repack -f NONE -l CONTI makes it whole.")
        if layout == 0:
            (size,), place = self.objects.unpack("<H", places[kinds.LAYOUT] + 2), places[kinds.LAYOUT] + 4
        else:
            place, size = self.objects.unpack("<QQ", places[kinds.LAYOUT] + 2)
        if dtype is not None and taken > 0 and (size < taken or place + taken > self.size):
            raise ModelFileError(f"the numbers of {path!r} are not all in the file.")
        return Dataset(self.objects, attributes, shape, dtype, place)
