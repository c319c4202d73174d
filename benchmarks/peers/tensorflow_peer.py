"""TensorFlow at its best: a concrete function with the weights as constants, NHWC, without XLA.

Timed: a call of the function, from tensor to tensor. A frozen v1 session is 1 to 20 % slower.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # read when it is imported

import tensorflow as tf

import graph_in_tensorflow
import network_graph
from peers import base, tensorflow_graph
from problems import Problem


class Peer(base.Peer):
    version = tf.__version__

    def __init__(self, threads: int) -> None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self._mirrored: list[int] = []

    def prepare(self, problem: Problem, x: base.Array, kernel: base.Array, bias: base.Array) -> Callable[[], Any]:
        padding, self._mirrored = base.same_or_valid(problem)
        kernel = np.flip(kernel, [axis - 1 for axis in self._mirrored])
        return self._prepare(tensorflow_graph.conv(problem, kernel, bias, padding), x)

    def prepare_pool(self, problem: Problem, kind: str, x: base.Array) -> Callable[[], Any]:
        padding, self._mirrored = base.same_or_valid(problem)
        return self._prepare(tensorflow_graph.pool(problem, kind, padding), x)

    def prepare_network(self, folder: Path, x: base.Array) -> Callable[[], Any]:
        function, mirrored = graph_in_tensorflow.function(network_graph.read(folder / "model.onnx", len(x)))
        self._mirrored = [1, 2] if mirrored else []
        return self._prepare(function, x)

    def _prepare(self, function: Any, x: base.Array) -> Callable[[], Any]:
        images = tf.constant(np.flip(x, self._mirrored))
        return lambda: function(images)

    def as_array(self, result: Any) -> base.Array:
        y = result[0].numpy() if isinstance(result, list) else result.numpy()
        return np.ascontiguousarray(np.flip(y, self._mirrored if y.ndim > 2 else []))
