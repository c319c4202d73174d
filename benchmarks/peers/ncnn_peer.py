"""ncnn at its best: Winograd on, float32 throughout (no bfloat16 or fp16 storage), channels packed as it likes.

Timed: an extraction from a CHW image to a CHW result for each image of the batch, as ncnn has no batches.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ncnn
import numpy as np

import network_graph
from peers import base
from problems import Problem

# "Use the weights as they are": the tag before a layer's weights in a .bin file, where others announce fp16 or int8.
RAW = np.zeros(1, np.int32)


class Peer(base.Peer):
    version = ncnn.__version__

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._shape: tuple[int, ...] = ()

    def prepare(self, problem: Problem, x: base.Array, kernel: base.Array, bias: base.Array) -> Callable[[], Any]:
        if problem.rank > 2:
            raise base.UnsupportedError("its 3-D convolution is a plain loop")
        self._shape = (len(bias), *problem.output_size)
        with tempfile.TemporaryDirectory() as folder:
            param, model = Path(folder) / "one.param", Path(folder) / "one.bin"
            param.write_text(layer(problem, kernel.size), encoding="ascii")
            model.write_bytes(RAW.tobytes() + base.filters_first(kernel).tobytes() + bias.tobytes())
            net = self._net(param, model)
        # A line is an image one pixel high.
        size = (1,) * (2 - problem.rank) + problem.input_size
        return extractions(net, base.channels_first(x).reshape(len(x), -1, *size), "x", "y")

    def prepare_network(self, folder: Path, x: base.Array) -> Callable[[], Any]:
        images, param = base.channels_first(x), folder / f"{self.version}.param"
        self._shape = network_graph.read(folder / "model.onnx", 1).shapes[network_graph.OUTPUT][1:]
        if not param.exists():
            convert(folder / "model.onnx", images.shape[1:], param)
        return extractions(self._net(param, param.with_suffix(".bin")), images, "in0", "out0")

    def _net(self, param: Path, model: Path) -> Any:
        net = ncnn.Net()
        net.opt.num_threads = self._threads
        net.opt.use_winograd_convolution = True
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
        net.opt.use_bf16_packed = net.opt.use_bf16_storage = False
        if net.load_param(str(param)) or net.load_model(str(model)):
            raise base.UnsupportedError("it doesn't load the model")
        return net

    def as_array(self, result: Any) -> base.Array:
        return base.channels_last(np.stack([np.array(image).reshape(self._shape) for image in result]))


def extractions(net: Any, images: base.Array, source: str, result: str) -> Callable[[], Any]:
    """A function that runs the net on each image, between blobs of these names."""
    mats = [ncnn.Mat(image).clone() for image in images]

    def run() -> Any:
        results = []
        for image in mats:
            extractor = net.create_extractor()
            extractor.input(source, image)
            results.append(extractor.extract(result)[1])
        return results

    return run


def convert(source: Path, shape: tuple[int, ...], param: Path) -> None:
    """Has pnnx, the converter of ncnn's makers, write a network's .param file and the .bin beside it."""
    pnnx = find_spec("pnnx")
    if pnnx is None or pnnx.origin is None:
        raise base.UnsupportedError("its networks need the package pnnx")
    with tempfile.TemporaryDirectory() as folder:  # it writes a dozen files beside what it reads
        model, size = Path(folder) / "model.onnx", ",".join(map(str, (1, *shape)))
        model.symlink_to(source.resolve())
        program = Path(pnnx.origin).parent / "pnnx"
        command = [program, model, f"inputshape=[{size}]f32", "fp16=0"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        for made in (param, param.with_suffix(".bin")):
            shutil.move(model.with_suffix(f".ncnn{made.suffix}"), made)


def layer(problem: Problem, weights: int) -> str:
    """A .param file of one convolution between the blobs x and y; the parameters' numbers are ncnn's."""
    kernel_h, kernel_w = (1, *problem.kernel_size)[-2:]
    stride_h, stride_w = (1, *problem.strides)[-2:]
    dilation_h, dilation_w = (1, *problem.dilation)[-2:]
    (top, bottom), (left, right) = ((0, 0), *problem.pads)[-2:]
    name = "Convolution" if problem.groups == 1 else "ConvolutionDepthWise"
    values = {0: problem.out_channels, 1: kernel_w, 11: kernel_h, 2: dilation_w, 12: dilation_h, 3: stride_w}
    values |= {13: stride_h, 4: left, 15: right, 14: top, 16: bottom, 5: 1, 6: weights, 7: problem.groups}
    if problem.groups == 1:
        del values[7]
    text = " ".join(f"{key}={value}" for key, value in values.items())
    return f"7767517\n2 2\nInput x 0 1 x\n{name} y 1 1 x y {text}\n"
