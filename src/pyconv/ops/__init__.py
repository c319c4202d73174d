"""Plain functions on arrays, with the signatures of `keras.ops`; each notes its gradient on a `Tape`."""

from pyconv.ops.adaptive_pool import adaptive_average_pool, adaptive_max_pool
from pyconv.ops.arithmetic import (
    absolute,
    add,
    clip,
    divide,
    log,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    rsqrt,
    sqrt,
    square,
    subtract,
    true_divide,
)
from pyconv.ops.conv import conv, dense, depthwise_conv
from pyconv.ops.conv_transpose import conv_transpose
from pyconv.ops.elementwise import (
    elu,
    exp,
    hard_sigmoid,
    hard_silu,
    leaky_relu,
    relu,
    relu6,
    sigmoid,
    silu,
    softplus,
    softsign,
    tanh,
)
from pyconv.ops.indexing import get_item
from pyconv.ops.matmul import matmul
from pyconv.ops.padding import pad
from pyconv.ops.pooling import average_pool, max_pool
from pyconv.ops.reductions import log_softmax, max, mean, min, softmax, sum
from pyconv.ops.separable_conv import separable_conv
from pyconv.ops.shapes import concatenate, expand_dims, flatten, repeat, reshape, squeeze, transpose
from pyconv.symbolic import accepts_symbols

__all__ = [
    "absolute",
    "adaptive_average_pool",
    "adaptive_max_pool",
    "add",
    "average_pool",
    "clip",
    "concatenate",
    "conv",
    "conv_transpose",
    "dense",
    "depthwise_conv",
    "divide",
    "elu",
    "exp",
    "expand_dims",
    "flatten",
    "get_item",
    "hard_sigmoid",
    "hard_silu",
    "leaky_relu",
    "log",
    "log_softmax",
    "matmul",
    "max",
    "max_pool",
    "maximum",
    "mean",
    "min",
    "minimum",
    "multiply",
    "negative",
    "pad",
    "power",
    "relu",
    "relu6",
    "repeat",
    "reshape",
    "rsqrt",
    "separable_conv",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "sqrt",
    "square",
    "squeeze",
    "subtract",
    "sum",
    "tanh",
    "transpose",
    "true_divide",
]

# On symbolic tensors each becomes a step of a functional model.
for _name in __all__:
    globals()[_name] = accepts_symbols(globals()[_name])
