"""Plain functions on arrays, with the signatures of `keras.ops`; each notes its gradient on a `Tape`."""

from pyconv.ops.conv import conv, dense, depthwise_conv
from pyconv.ops.elementwise import (
    add,
    elu,
    exp,
    hard_sigmoid,
    hard_silu,
    leaky_relu,
    multiply,
    relu,
    relu6,
    sigmoid,
    silu,
    softplus,
    softsign,
    tanh,
)
from pyconv.ops.padding import pad
from pyconv.ops.pooling import average_pool, max_pool
from pyconv.ops.reductions import log_softmax, mean, softmax, sum
from pyconv.ops.shapes import flatten, reshape, transpose

__all__ = [
    "add",
    "average_pool",
    "conv",
    "dense",
    "depthwise_conv",
    "elu",
    "exp",
    "flatten",
    "hard_sigmoid",
    "hard_silu",
    "leaky_relu",
    "log_softmax",
    "max_pool",
    "mean",
    "multiply",
    "pad",
    "relu",
    "relu6",
    "reshape",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "sum",
    "tanh",
    "transpose",
]
