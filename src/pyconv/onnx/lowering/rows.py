"""Matrix products with constants, and what normalises channels or rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx.lowering.registry import Samples, lowers, numbers, require, value
from pyconv.program.graph import Value
from pyconv.program.kinds import Binary, Conv, LayerNorm, Softmax, Transpose
from pyconv.program.lowering.registry import constant
from pyconv.variable import Variable


def _product(to: Samples, x: Value, matrix: Any, bias: Array | None) -> Value:
    """A product with a matrix that has been kept for it."""
    require(isinstance(matrix, Variable) and len(x.shape) > 0 and x.shape[-1] == matrix.shape[0])
    return to.add(Conv(numbers(matrix)[None], bias, (1,), ((0, 0),), (1,), dense=True), x)


@lowers("MatMul")
def matmul(to: Samples, a: Any, b: Any) -> Value:
    return _product(to, value(a), b, None)


@lowers("Gemm")
def gemm(
    to: Samples,
    a: Any,
    b: Any,
    c: Any = None,
    *,
    alpha: float = 1.0,  # it is in the matrix that has been kept
    beta: float = 1.0,
    transA: int = 0,  # noqa: N803 - ONNX' names
    transB: int = 0,  # noqa: N803
    broadcast: int = 1,
) -> Value:
    require(len(value(a).shape) == 1 and not transA and isinstance(b, Variable))
    bias = None
    if c is not None:
        offset = numbers(c)
        require(offset.size in (1, b.shape[1]) and offset.shape[-1:] in ((), (offset.size,)) and offset.ndim <= 2)
        bias = np.ascontiguousarray(np.broadcast_to(offset.reshape(-1) * np.float32(beta), (b.shape[1],)))
    return _product(to, a, b, bias)


@lowers("BatchNormalization")
def batch_normalization(
    to: Samples,
    x: Any,
    scale: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    *,
    epsilon: float = 1e-5,
    training_mode: int = 0,
    spatial: int = 1,
    **_: Any,
) -> Value:
    gamma, beta, centre, spread = (numbers(each).astype(np.float64) for each in (scale, bias, mean, variance))
    require(not training_mode and bool(spatial) and len(value(x).shape) > 0)
    require(all(each.shape == x.shape[-1:] for each in (gamma, beta, centre, spread)))
    factor = gamma / np.sqrt(spread + epsilon)
    y = to.add(Binary("mul"), x, constant(factor))
    return to.add(Binary("add"), y, constant(beta - centre * factor))


@lowers("LayerNormalization")
def layer_normalization(
    to: Samples, x: Any, scale: Any, bias: Any = None, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> Value:
    gamma, beta = numbers(scale), None if bias is None else numbers(bias)
    require(to.axis(value(x), axis) == len(x.shape) - 1)
    require(gamma.shape == x.shape[-1:] and (beta is None or beta.shape == gamma.shape))
    return to.add(LayerNorm(gamma, beta, epsilon), x)


@lowers("Softmax", since=13)
def softmax(to: Samples, x: Any, *, axis: int = -1) -> Value:
    place, rank = to.axis(value(x), axis), len(x.shape)
    require(x.size > 0)
    if place == rank - 1:
        return to.add(Softmax(), x)
    order = (*(each for each in range(rank) if each != place), place)
    y = to.add(Softmax(), to.add(Transpose(order), x))
    return to.add(Transpose(tuple(np.argsort(order).tolist())), y)


@lowers("Softmax", since=1)
def flattened_softmax(to: Samples, x: Any, *, axis: int = 1) -> Value:
    """Before version 13 over all axes from one on."""
    place = to.axis(value(x), axis)
    require(x.size > 0)
    rows = to.reshape(x, (*x.shape[:place], math.prod(x.shape[place:])))
    return to.reshape(to.add(Softmax(), rows), x.shape)
