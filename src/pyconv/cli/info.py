"""`pyconv info`: the layers of a model file, their shapes, parameters and operations."""

from __future__ import annotations

import argparse

from pyconv.cli.opening import input_shapes, open_model, zeros
from pyconv.cli.steps import steps_of
from pyconv.cli.tables import table

HELP = """what a model file holds: layers, shapes, parameters, operations
Prints a row for each layer in the order in which they run: its name and kind, the shape of its result for one sample,
how many numbers it has learnt, and the millions of floating-point operations it takes, 2 for each multiply-add of
convolutions and dense layers. Kinds of layers that pyconv lacks are all named in one error.

    pyconv info model.keras
    pyconv info segmenter.h5 --shape 256,256,3      for a model that takes any size
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("file", metavar="FILE", help="a .keras, .h5, .hdf5 or .onnx file")
    parser.add_argument("--shape", help="one sample's shape, where the model leaves it open: 224,224,3")


def main(options: argparse.Namespace) -> None:
    """Prints the table."""
    model = open_model(options.file)
    steps = steps_of(model, zeros(model, options.shape))
    rows = [
        [
            step.name,
            step.kind,
            " ".join("x".join(map(str, shape[1:])) or "1" for shape in step.output_shapes),
            f"{step.parameters:,}" if step.flops is not None else "-",
            "-" if step.flops is None else f"{step.flops / 1e6:,.2f}",
        ]
        for step in steps
    ]
    print(table(["layer", "kind", "output", "parameters", "MFLOP"], rows, left=2))
    inputs = ", ".join(str(shape) for shape in input_shapes(model))
    known = [step.flops for step in steps if step.flops is not None]
    print(f"\ninput {inputs}; {len(steps)} steps", end="")
    if known:
        print(f"; {model.count_params():,} parameters; {sum(known) / 1e9:,.3f} GFLOP a sample", end="")
    print()
