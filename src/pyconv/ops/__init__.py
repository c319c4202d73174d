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
from pyconv.ops.gated import celu, gelu, glu, mish, selu
from pyconv.ops.indexing import get_item
from pyconv.ops.matmul import matmul
from pyconv.ops.normalization import batch_normalization, layer_normalization, moments, rms_normalization
from pyconv.ops.padding import pad
from pyconv.ops.pooling import average_pool, max_pool
from pyconv.ops.reductions import log_softmax, max, mean, min, softmax, sum
from pyconv.ops.separable_conv import separable_conv
from pyconv.ops.shapes import concatenate, expand_dims, flatten, repeat, reshape, squeeze, transpose
from pyconv.ops.shrinkage import (
    hard_shrink,
    hard_tanh,
    log_sigmoid,
    soft_shrink,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh_shrink,
    threshold,
)
from pyconv.symbolic import accepts_symbols

__all__ = [
    "absolute",
    "adaptive_average_pool",
    "adaptive_max_pool",
    "add",
    "average_pool",
    "batch_normalization",
    "celu",
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
    "gelu",
    "get_item",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "layer_normalization",
    "leaky_relu",
    "log",
    "log_sigmoid",
    "log_softmax",
    "matmul",
    "max",
    "max_pool",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mish",
    "moments",
    "multiply",
    "negative",
    "pad",
    "power",
    "relu",
    "relu6",
    "repeat",
    "reshape",
    "rms_normalization",
    "rsqrt",
    "selu",
    "separable_conv",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "sqrt",
    "square",
    "squareplus",
    "squeeze",
    "subtract",
    "sum",
    "tanh",
    "tanh_shrink",
    "threshold",
    "transpose",
    "true_divide",
]

# On symbolic tensors each becomes a step of a functional model.
for _name in __all__:
    globals()[_name] = accepts_symbols(globals()[_name])
