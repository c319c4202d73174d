"""Keras on TensorFlow, as a graph, channels last: training steps only. Timed: a call of train_on_batch."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

os.environ["CUDA_VISIBLE_DEVICES"] = ""  # read when it is imported
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import tensorflow as tf

import keras_step
from peers import base
from training_networks import Step


class Peer(base.Peer):
    version = f"{keras.__version__} on TensorFlow {tf.__version__}"

    def __init__(self, threads: int) -> None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)

    def prepare(self, problem: Any, x: Any, kernel: Any, bias: Any) -> Callable[[], Any]:
        raise base.UnsupportedError("its single layers aren't compared, TensorFlow's are")

    def prepare_step(self, step: Step, dtype: str) -> Callable[[], Any]:
        return keras_step.prepare(keras, step)

    def as_array(self, result: Any) -> base.Array:
        return np.asarray(result)
