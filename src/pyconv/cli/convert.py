"""`pyconv convert`: a model file in another form."""

from __future__ import annotations

import argparse
from pathlib import Path

from pyconv.cli.opening import open_model

HELP = """a model file in another form
The names' ends say which: .keras for Keras 3, .h5 for its old form, .onnx for everything else. ONNX files are run by
pyconv but not turned into layers, so they can't be converted.

    pyconv convert old.hdf5 new.keras
    pyconv convert model.keras model.onnx
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("source", metavar="A", help="a .keras, .h5 or .hdf5 file")
    parser.add_argument("target", metavar="B", help="the .keras, .h5, .hdf5 or .onnx file to write")
    parser.add_argument("--force", action="store_true", help="replace B if it is there")


def main(options: argparse.Namespace) -> None:
    """Writes the file."""
    source, target = Path(options.source), Path(options.target)
    if source.suffix == ".onnx":
        raise ValueError(f"ONNX files can't be converted, only run. Received: {source}.")
    if target.exists() and not options.force:
        raise FileExistsError(f"{target} is there already; --force replaces it.")
    model = open_model(options.source)
    if target.suffix == ".onnx":
        from pyconv import onnx  # noqa: PLC0415 - an extra

        onnx.export(model, target)
    else:
        model.save(target)
    print(f"{target}: {target.stat().st_size:,} bytes")
