"""The objects in an HDF5 file, read from its bytes: their headers, attributes, types and shapes. hdf5.py finds them.

Every place and length is checked, for libhdf5 (2.0.0) trusts them: broken files make it loop for ever, or read beyond
its own memory. From the HDF5 File Format Specification, version 3.0:

    object header      messages, and where there are more of them      IV.A.1, of version 1 or "OHDR"
    attribute          name, type, shape, and the values themselves     IV.A.2.m
    a text's value     its length, and a place in a heap of texts       III.E, "GCOL"
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from pyconv.saving.errors import ModelFileError

# Kinds of messages.
SHAPE, LINK_INFO, TYPE, LINK, EXTERNAL, LAYOUT, FILTERS, NAMES = 0x01, 0x02, 0x03, 0x06, 0x07, 0x08, 0x0B, 0x11
_ATTRIBUTE, _CONTINUATION, _ATTRIBUTE_INFO = 0x0C, 0x10, 0x15
_READ = (SHAPE, LINK_INFO, TYPE, LINK, EXTERNAL, LAYOUT, FILTERS, NAMES, _ATTRIBUTE, _ATTRIBUTE_INFO)
NOWHERE = b"\xff" * 8
_HEAP_HEADER = 16  # bytes, of a heap and of each object in it


class Message(NamedTuple):
    """A part of an object's header: its kind, and where in the file it is."""

    kind: int
    place: int
    size: int


class Objects:
    """Reads the objects of one file.

    Args:
        data: the whole file.

    Raises:
        ModelFileError: if it isn't an HDF5 file whose places and sizes have 8 bytes each, as all have.
    """

    def __init__(self, data: bytes | mmap.mmap) -> None:
        if data[:8] != b"\x89HDF\r\n\x1a\n":
            raise ModelFileError("it does not begin as an HDF5 file.")
        self._data = data
        # Of the superblock: where it says how wide places are, the first place, and behind two more that of the root.
        widths, base, root = {0: (13, 24, 64), 1: (13, 28, 68)}.get(data[8], (9, 12, 36))
        first, _, end = self.unpack("<QQQ", base)
        if data[widths : widths + 2] != b"\x08\x08" or first != 0:
            raise ModelFileError("places must have 8 bytes and count from the file's beginning.")
        if end > len(data):
            raise ModelFileError(f"the file was {end} bytes long and has been cut to {len(data)}.")
        (self.root,) = self.unpack("<Q", root)
        self._heaps: dict[int, dict[int, tuple[int, int]]] = {}  # place -> number -> place and length of an object
        self._text_bytes = 0

    def attributes(self, messages: list[Message]) -> dict[str, Any]:
        """The attributes of an object: by name a text, a number, or a list of them."""
        found: dict[str, Any] = {}
        for kind, start, size in messages:
            if kind == _ATTRIBUTE_INFO:
                counted = 2 if self._data[start + 1] & 1 else 0
                if self.part(start + 2 + counted, 8) != NOWHERE:
                    raise ModelFileError("an object has too many or too large attributes.")
            elif kind == _ATTRIBUTE:
                name, value = self._attribute(start, start + size)
                found[name] = value
        return found

    def messages(self, address: int) -> list[Message]:
        """What the header at an address says."""
        return list(self._messages(address))

    def _messages(self, address: int) -> Iterator[Message]:
        is_new = self.part(address, 4) == b"OHDR"
        ordered = False
        if is_new:
            flags = self._data[address + 5]
            ordered = bool(flags & 4)
            place = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
            width = 1 << (flags & 3)
            blocks = [(place + width, int.from_bytes(self.part(place, width), "little"))]
        else:
            if self._data[address] != 1:
                raise ModelFileError(f"there is no object at byte {address}.")
            blocks = [(address + 16, self.unpack("<I", address + 8)[0])]
        header = (6 if ordered else 4) if is_new else 8
        read = 0
        for begin, size in blocks:
            place, end = begin, begin + size
            read += size
            if end > len(self._data) or read > len(self._data):
                raise ModelFileError(f"the object at byte {address} is larger than the file.")
            while end - place >= header:
                kind, length, flags = self.unpack("<BHB" if is_new else "<HHB", place)
                place += header
                if length > end - place:
                    raise ModelFileError(f"the object at byte {address} has a part that is too long.")
                if kind == _CONTINUATION:
                    more, size_of_more = self.unpack("<QQ", place)
                    # The new form has a signature before and a checksum behind.
                    blocks.append((more + 4, size_of_more - 8) if is_new else (more, size_of_more))
                elif kind in _READ:
                    if flags & 2:
                        raise ModelFileError(f"the object at byte {address} shares a part with another.")
                    yield Message(kind, place, length)
                place += length

    def _attribute(self, start: int, end: int) -> tuple[str, Any]:
        version, _, name_size, type_size, shape_size = self.unpack("<BBHHH", start)
        if version not in (1, 2, 3):
            raise ModelFileError(f"there is an attribute of an unknown kind at byte {start}.")
        start += 9 if version == 3 else 8
        places = [start]
        for size in (name_size, type_size, shape_size):
            places.append(places[-1] + (-(-size // 8) * 8 if version == 1 else size))
        if places[-1] > end:
            raise ModelFileError(f"the attribute at byte {start} is longer than its place.")
        name = self.part(places[0], name_size).partition(b"\0")[0].decode()
        shape = self.shape(places[2])
        count = math.prod(shape)
        return name, self._values(places[1], places[3], end, shape, count)

    def shape(self, place: int) -> tuple[int, ...]:
        """The sizes that a message at a place holds."""
        version, rank = self.unpack("<BB", place)
        place += 8 if version == 1 else 4
        return self.unpack(f"<{rank}Q", place)

    def dtype(self, place: int) -> np.dtype[Any] | None:
        """The type of numbers that a message at a place holds, with "V2" for bfloat16; None if it isn't numbers."""
        kind, bits, size = self.unpack("<BBxxI", place)
        order = ">" if bits & 1 else "<"
        if kind & 15 == 0 and size in (1, 2, 4, 8):
            return np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}")
        if kind & 15 == 1:
            exponent = self.unpack("<B", place + 13)[0]
            known = {(2, 5): "f2", (2, 8): "V2", (4, 8): "f4", (8, 11): "f8"}.get((size, exponent))
            return None if known is None else np.dtype(f"{order}{known}")
        return np.dtype("V2") if kind & 15 == 5 and size == 2 else None

    def _values(self, kind_place: int, start: int, end: int, shape: tuple[int, ...], count: int) -> Any:
        """The values of a type at one place that are at another; None for types that no file of weights needs."""
        kind, bits, size = self.unpack("<BBxxI", kind_place)
        if count * max(size, 1) > end - start:  # texts of no bytes could be as many as one likes
            raise ModelFileError(f"the attribute's values at byte {start} are longer than their place.")
        values: list[Any]
        if kind & 15 == 9 and bits & 15 == 1 and size == 16:  # texts of any length
            values = [self._text(start + 16 * index) for index in range(count)]
        elif kind & 15 == 3:  # of a fixed one
            values = [self.part(start + size * i, size).partition(b"\0")[0].decode() for i in range(count)]
        elif (dtype := self.dtype(kind_place)) is not None:
            values = np.frombuffer(self.part(start, count * size), dtype).tolist()
        else:
            return None
        return values[0] if shape == () else values

    def _text(self, place: int) -> str:
        length, heap, number = self.unpack("<IQI", place)
        if length == 0:
            return ""
        objects = self._heaps.get(heap)
        if objects is None:
            objects = self._heaps[heap] = dict(self._objects(heap))
        if number not in objects or objects[number][1] < length:
            raise ModelFileError(f"the text of {length} bytes at byte {place} is not in its heap.")
        self._text_bytes += length
        if self._text_bytes > len(self._data):  # the same one may be meant many times
            raise ModelFileError("the attributes' texts are longer than the file.")
        return self.part(objects[number][0], length).decode()

    def _objects(self, heap: int) -> Iterator[tuple[int, tuple[int, int]]]:
        signature, size = self.unpack("<5s3xQ", heap)
        if signature != b"GCOL\x01" or size > len(self._data) - heap:
            raise ModelFileError(f"there is no heap of texts at byte {heap}.")
        place, end = heap + _HEAP_HEADER, heap + size
        while end - place >= _HEAP_HEADER:
            number, length = self.unpack("<H6xQ", place)
            if number == 0:  # what is free, up to the end
                return
            place += _HEAP_HEADER
            if length > end - place:
                raise ModelFileError(f"a text at byte {place} is longer than its heap.")
            yield number, (place, length)
            place += -(-length // 8) * 8

    def part(self, start: int, size: int) -> bytes:
        """So many bytes from a place on."""
        found = self._data[start : start + size]
        if len(found) != size:
            raise ModelFileError(f"the file ends before byte {start + size}.")
        return found

    def unpack(self, form: str, place: int) -> tuple[Any, ...]:
        """Numbers at a place, see the module struct."""
        return struct.unpack(form, self.part(place, struct.calcsize(form)))
