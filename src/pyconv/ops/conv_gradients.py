"""The gradients of convolutions, as they are noted on the tape. No arithmetic: the core does that."""

from __future__ import annotations

import functools

import numpy as np

from pyconv import _core
from pyconv.gradient import Array, Link, record
from pyconv.ops.arrays import contiguous
from pyconv.ops.conv_plans import Problem, plan_for
from pyconv.results import empty


def record_convolution(
    y: Array, problem: Problem, x: Array, kernel: Array, bias: Array | None, src: Array, weights: Array
) -> None:
    """Notes a convolution and what was done to its result; src and weights are x and kernel as the plans read them.

    A view of the result stands for what no memory ever held, the numbers before the activation.
    """
    linear = problem._replace(activation="linear", negative_slope=0.0)

    # Rather than the arrays, which no gradient may need.
    x_shape, src_shape, kernel_shape = x.shape, src.shape, kernel.shape

    def inputs_gradient(dy: Array) -> Array:
        made = plan_for(_core.get_isa(), "backward_data", linear)
        dx = _core.empty(linear.dtype, src_shape)
        made.run(dx, weights, None, contiguous(dy).reshape(made.dst_shape))
        return dx.reshape(x_shape)

    # One run makes the gradients of kernel and bias; whichever is asked for first keeps the other, for the same dy.
    kept: dict[str, Array] = {}

    def weights_gradient(name: str, dy: Array) -> Array:
        if name not in kept or kept["dy"] is not dy:
            made = plan_for(_core.get_isa(), "backward_weights", linear)
            diff_weights = empty(weights.shape, src.dtype)
            diff_bias = None if bias is None else np.empty(linear.out_channels, src.dtype)
            made.run(src, diff_weights, diff_bias, contiguous(dy).reshape(made.dst_shape))
            kept.update(dy=dy, kernel=diff_weights.reshape(kernel_shape))
            if diff_bias is not None:
                kept["bias"] = diff_bias
        return kept.pop(name)

    links: list[Link] = [(x, inputs_gradient), (kernel, functools.partial(weights_gradient, "kernel"))]
    if bias is not None:
        links.append((bias, functools.partial(weights_gradient, "bias")))
    if problem.activation == "linear":
        record(y, *links)
        return

    def activation_gradient(dy: Array) -> Array:
        return _core.activation_backward(problem.activation, problem.negative_slope, y, contiguous(dy))

    before = y.view()
    record(before, *links)
    record(y, (before, activation_gradient))
