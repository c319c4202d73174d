"""What is raised for a file that isn't a model one may read. A missing file is Python's own error."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class ModelFileError(ValueError):
    """A file is broken, isn't what it should be, or asks for something that no file may ask for."""


class UnknownClassesError(ModelFileError):
    """A file names classes or functions that are neither pyconv's nor given by the caller; all of them are listed."""


# What JSON, HDF5, zip archives and constructors raise when bytes or arguments make no sense.
_NONSENSE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)


@contextlib.contextmanager
def blamed_on_file(op: str, name: str) -> Iterator[None]:
    """Within the `with` block whatever goes wrong is the file's fault: it becomes a `ModelFileError` that says so."""
    try:
        yield
    except ModelFileError as error:
        if str(error).startswith(f"{op}: "):
            raise
        raise type(error)(f"{op}: {name}: {error}") from error.__cause__
    except _NONSENSE as error:
        raise ModelFileError(f"{op}: {name} can't be read: {type(error).__name__}: {error}") from error
