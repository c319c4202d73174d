"""`pyconv run`: a model on one image or array; its best classes, or its output in a file."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from pyconv.cli.opening import open_model, predict, read_samples
from pyconv.cli.tables import table

HELP = """what a model says of an image or array
An image is resized to what the model takes; --range says what black and white become, for which you have to know how
the model was trained. A .npy file holds one sample or several, as the model takes them. Of a model of classes the best
five are printed for each sample; --output writes what the model gives to a .npy file instead.

    pyconv run model.keras --input cat.png --range 0,1 --labels classes.txt
    pyconv run segmenter.onnx --input batch.npy --output masks.npy
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this command."""
    parser.add_argument("file", metavar="FILE", help="a .keras, .h5, .hdf5 or .onnx file")
    parser.add_argument("--input", required=True, help="an image, or a .npy file of an array")
    parser.add_argument("--range", default="0,255", help="what black and white become: 0,255 (default), 0,1 or -1,1")
    parser.add_argument("--labels", help="a text file with the classes' names, one a line")
    parser.add_argument("--top", type=int, default=5, help="how many classes are printed (default 5)")
    parser.add_argument("--output", help="a .npy file for what the model gives; of several outputs the first")


def main(options: argparse.Namespace) -> None:
    """Prints the classes, or writes the output."""
    low, high = (float(end) for end in options.range.split(","))
    model = open_model(options.file)
    (scores, *_) = predict(model, read_samples(model, options.input, (low, high)))
    if options.output is not None:
        np.save(options.output, scores)
        print(f"{options.output}: {scores.dtype} {scores.shape}")
        return
    if scores.ndim != 2:
        raise ValueError(f"the model gives no classes but an array of shape {scores.shape}: write it with --output.")
    labels = Path(options.labels).read_text(encoding="utf-8").splitlines() if options.labels is not None else []
    if labels and len(labels) != scores.shape[1]:
        raise ValueError(f"the model has {scores.shape[1]} classes, {options.labels} has {len(labels)} lines.")
    for sample in scores:
        best = np.argsort(-sample)[: options.top]
        rows = [[labels[number] if labels else f"class {number}", f"{sample[number]:.4f}"] for number in best]
        print(table(["class", "score"], rows))
