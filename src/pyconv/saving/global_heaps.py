"""The parts of an HDF5 file where texts of any length are kept, checked: a broken one makes libhdf5 loop for ever.

collection   "GCOL", version 1, 3 bytes unused, size (8 bytes); objects up to its end
object       number (2 bytes), references (2), unused (4), size (8); its bytes, filled up to a multiple of 8
number 0     what is free: its size counts from its own beginning. libhdf5 goes on by that size, even if it is 0.
"""

from __future__ import annotations

import mmap
import struct

from pyconv.saving.errors import ModelFileError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEADER = 16  # bytes, of a collection and of an object alike
_LEAST_SIZE = 4096  # libhdf5 refuses smaller collections itself


def check(data: bytes | mmap.mmap) -> None:
    """Raises ModelFileError if a file's collections, or the sizes that they are written in, aren't sound."""
    if data[:8] != _SIGNATURE:
        raise ModelFileError("it does not begin as an HDF5 file.")
    # How many bytes a place and a size have, in old superblocks and in new ones.
    sizes = data[13:15] if data[8] < 2 else data[9:11]
    if sizes != b"\x08\x08":
        raise ModelFileError("places and sizes must have 8 bytes each.")
    start = data.find(b"GCOL\x01")
    while start >= 0:
        _check_collection(data, start)
        start = data.find(b"GCOL\x01", start + 1)


def _check_collection(data: bytes | mmap.mmap, start: int) -> None:
    header = data[start + 8 : start + _HEADER]
    size = int.from_bytes(header, "little")
    if not _LEAST_SIZE <= size <= len(data) - start:
        return  # libhdf5 refuses it; or these are no letters but numbers of a weight
    place, end = start + _HEADER, start + size
    while end - place >= _HEADER:
        number, length = struct.unpack_from("<H6xQ", data, place)
        taken = _HEADER + -(-length // 8) * 8 if number else length
        if taken < _HEADER or taken > end - place:
            raise ModelFileError(f"the texts kept at byte {place} are broken: an object of {length} bytes.")
        place += taken
