"""A problem as a TensorFlow graph of one operation, for TensorFlow and LiteRT. Weights are constants, images NHWC."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from peers import base
from problems import Problem


def conv(problem: Problem, kernel: base.Array, bias: base.Array, padding: str) -> Any:
    """The function that convolves; bias_add is there to be fused."""
    depthwise = 1 < problem.groups == problem.in_channels
    if depthwise and (problem.rank != 2 or len(set(problem.strides)) > 1):
        raise base.UnsupportedError("its depthwise convolution has two axes of equal stride")
    if depthwise:
        kernel = kernel.reshape(*problem.kernel_size, problem.groups, -1)

    def run(x: Any) -> Any:
        if depthwise:
            y = tf.nn.depthwise_conv2d(x, kernel, [1, *problem.strides, 1], padding, dilations=problem.dilation)
        else:
            y = tf.nn.convolution(x, kernel, problem.strides, padding, dilations=problem.dilation)
        return tf.nn.bias_add(y, bias)

    return _concrete(problem, run)


def pool(problem: Problem, kind: str, padding: str) -> Any:
    if any(step > 1 for step in problem.dilation):
        raise base.UnsupportedError("its poolings have no dilation")
    function = {"max": tf.nn.max_pool, "average": tf.nn.avg_pool}[kind]
    return _concrete(problem, lambda x: function(x, problem.kernel_size, problem.strides, padding))


def _concrete(problem: Problem, run: Any) -> Any:
    shape = (problem.batch, *problem.input_size, problem.in_channels)
    return tf.function(run, input_signature=[tf.TensorSpec(shape)], jit_compile=False).get_concrete_function()
