"""Settings of the process: threads, instruction set, and Keras' global defaults. Kept in memory, in no file."""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np

from pyconv import _core, changes
from pyconv._core import available_isas, get_isa, get_num_threads

__all__ = [
    "available_isas",
    "epsilon",
    "floatx",
    "get_isa",
    "get_num_threads",
    "get_precision",
    "get_programs",
    "image_data_format",
    "release_workspaces",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_isa",
    "set_num_threads",
    "set_precision",
    "set_programs",
    "show_config",
]

Precision = Literal["strict", "auto", "fast"]

_MAX_THREADS = 2**15  # far beyond any machine, small enough for the core to number its parts

_defaults: dict[str, Any] = {
    "epsilon": 1e-7,
    "floatx": "float32",
    "image_data_format": "channels_last",
    "precision": "auto",
    "programs": os.environ.get("PYCONV_PROGRAMS", "1") != "0",
}


def set_num_threads(count: int) -> None:
    """Sets how many threads an operation may use; results don't depend on it, bit for bit.

    Args:
        count: 1 or more.

    Raises:
        TypeError: if count isn't an integer.
        ValueError: if it is less than 1 or absurdly large.
    """
    if isinstance(count, bool | np.bool_):
        raise TypeError(f"set_num_threads: count must be an integer. Received: count={count!r}.")
    try:
        threads = operator.index(count)
    except TypeError:
        raise TypeError(f"set_num_threads: count must be an integer. Received: count={count!r}.") from None
    if not 1 <= threads <= _MAX_THREADS:
        raise ValueError(f"set_num_threads: count must be in 1..{_MAX_THREADS}. Received: count={count}.")
    _core.set_num_threads(threads)


def set_isa(name: str) -> None:
    """Chooses the instruction set of every operation from now on; the best one is chosen at import.

    Args:
        name: one of `available_isas()`.

    Raises:
        ValueError: if this build or this CPU doesn't have it.
    """
    _require_one_of("set_isa", "name", name, available_isas())
    _core.set_isa(name)
    changes.note()


def get_precision() -> Precision:
    """What algorithms may give up for speed: "auto", unless changed by `set_precision`."""
    precision: Precision = _defaults["precision"]
    return precision


def set_precision(precision: str) -> None:
    """Sets what convolutions of float32 may give up for speed, from now on and for the whole process.

    Args:
        precision: "strict": every result is a plain sum of products, whole numbers come out exactly, and an
            infinity or NaN reaches only the results whose windows hold it. "auto": the relative error in the
            Euclidean norm is at most 2.5 times that of the plain sum on normally distributed data; 3x3
            convolutions may use Winograd's algorithm, which spreads an infinity or NaN, as NaN, over the 4x4
            results of a tile, and 1x1 convolutions and products of matrices Strassen's, which spreads it over two
            neighbouring pixels or rows. "fast": the same algorithms also where their error is larger.

    Raises:
        ValueError: if precision is another word.
    """
    _require_one_of("set_precision", "precision", precision, ("strict", "auto", "fast"))
    _defaults["precision"] = precision
    changes.note()


def get_programs() -> bool:
    """Whether models run as programs where they can: True, unless changed by `set_programs` or PYCONV_PROGRAMS=0."""
    return bool(_defaults["programs"])


def set_programs(enabled: bool) -> None:
    """Sets whether functional and Sequential models run as programs when they predict, or layer by layer.

    A program joins layers: BatchNormalization goes into the convolution before it, activations and sums into the pass
    that makes the results. It equals the layers but for rounding, a relative 1e-5 of the largest result, and gives the
    same bits in every call. With False each layer computes its own result, as in training; so it is, too, when the
    environment has PYCONV_PROGRAMS=0.

    Args:
        enabled: whether to.
    """
    _defaults["programs"] = bool(enabled)
    changes.note()


def release_workspaces() -> None:
    """Gives back the memory that the core has kept for its next runs: scratch memory, and that of freed results.

    A run takes a block that an earlier run left, or makes one, and leaves it when it is done: as many blocks as calls
    have been under way at once, 16 at most, each as large as the largest workspace it has served. A block of more
    than 64 MiB is given back after its run without being asked. Blocks that a run holds at the moment stay.

    The memory of a result of at least 128 KiB is kept when the array is freed, for the next one of about that size,
    since zeroing new memory may take the system longer than the convolution: at most 256 of them and 256 MiB, those
    kept longest given back first.
    """
    _core.release_workspaces()


def image_data_format() -> str:
    """What `data_format=None` means: "channels_last", unless changed."""
    return str(_defaults["image_data_format"])


def set_image_data_format(data_format: str) -> None:
    """Sets what `data_format=None` means: "channels_last" or "channels_first"."""
    _require_one_of("set_image_data_format", "data_format", data_format, ("channels_last", "channels_first"))
    _defaults["image_data_format"] = data_format
    changes.note()


def floatx() -> str:
    """The dtype of a layer that isn't told another: "float32", unless changed."""
    return str(_defaults["floatx"])


def set_floatx(value: str) -> None:
    """Sets the dtype of layers that aren't told another: "float32" or "float64"."""
    _require_one_of("set_floatx", "value", value, ("float32", "float64"))
    _defaults["floatx"] = value


def epsilon() -> float:
    """The small number that keeps logarithms and quotients finite: 1e-7, unless changed."""
    return float(_defaults["epsilon"])


def set_epsilon(value: float) -> None:
    """Sets the number that `epsilon` returns; it must lie between 0 and 1."""
    if not 0 < value < 1:
        raise ValueError(f"set_epsilon: value must lie between 0 and 1. Received: value={value!r}.")
    _defaults["epsilon"] = float(value)
    changes.note()


@overload
def show_config(mode: Literal["stdout"] = "stdout") -> None: ...
@overload
def show_config(mode: Literal["dicts"]) -> dict[str, Any]: ...
def show_config(mode: Literal["stdout", "dicts"] = "stdout") -> dict[str, Any] | None:
    """Shows how pyconv was built and what it uses on this machine, to be put into a bug report.

    Args:
        mode: "stdout" prints, "dicts" returns a dictionary, as in `numpy.show_config`.

    Example:
    >>> from pyconv.config import show_config
    >>> sorted(show_config(mode="dicts"))
    ['available_isas', 'build', 'conv_algorithms', 'isa', 'numpy', 'precision', 'python', 'threads', 'version']
    """
    _require_one_of("show_config", "mode", mode, ("stdout", "dicts"))
    config: dict[str, Any] = {
        "version": _core.__version__,
        "python": sys.version.split()[0],
        "numpy": np.__version__,
        "isa": get_isa(),
        "available_isas": available_isas(),
        "threads": get_num_threads(),
        "precision": get_precision(),
        "conv_algorithms": _core.conv_algorithms(),
        "build": _core.build_config(),
    }
    if mode == "dicts":
        return config
    print("\n".join(_lines(config)))
    return None


def _lines(config: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, value in config.items():
        if isinstance(value, dict):
            lines += [f"{indent}{key}:", *_lines(value, indent + "  ")]
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
            lines.append(f"{indent}{key}: {text}")
    return lines


def _require_one_of(op: str, name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{op}: {name} must be one of {', '.join(allowed)}. Received: {name}={value!r}.")
