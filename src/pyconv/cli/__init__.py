"""The command `pyconv`: what a model file holds, what it says of an image, how fast it is; and other forms of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from pyconv import __version__
from pyconv.cli import bench, convert, info, run

__all__ = ["main"]

_DESCRIPTION = """\
Trained convolutional networks from files, on the CPU.

FILE is a model that Keras (.keras, .h5, .hdf5), pyconv or any writer of ONNX (.onnx) has saved. Opening a file never
runs code from it. A first look at one, then what it says of an image:

    pyconv info model.keras
    pyconv run model.keras --input cat.png --labels classes.txt
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: what stands behind `pyconv` on the command line.

    Returns:
        0, or 1 after an error that has been printed.
    """
    parser = argparse.ArgumentParser(
        prog="pyconv", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"pyconv {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (info, run, bench, convert):
        name = command.__name__.rpartition(".")[2]
        summary, _, details = (command.HELP).partition("\n")
        own = commands.add_parser(
            name, help=summary, description=f"{summary}\n{details}", formatter_class=parser.formatter_class
        )
        command.add_arguments(own)
        own.set_defaults(command=command.main)
    options = parser.parse_args(arguments)
    try:
        options.command(options)
    except (ImportError, OSError, TypeError, ValueError) as error:
        print(f"pyconv: {error}", file=sys.stderr)
        return 1
    return 0
