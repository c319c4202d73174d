"""Products of matrices, by the core where the right-hand one is a single matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyconv import ops
from pyconv.gradient import Array
from pyconv.onnx import memory
from pyconv.onnx.operators.floats import as_core_float, as_dtype_of
from pyconv.onnx.registry import operator
from pyconv.ops.conv import DENSE, convolve
from pyconv.variable import Variable


def _kept_matrix(b: Array, attributes: dict[str, Any]) -> Array | Variable:
    return Variable(as_core_float(b)) if b.ndim == 2 and b.dtype.kind == "f" and b.size else b


@operator("MatMul", keep={1: _kept_matrix})
def matmul(a: Array, b: Array | Variable) -> Array:
    if isinstance(b, Variable):
        return as_dtype_of(convolve(DENSE, as_core_float(a), b, None), a)
    if a.ndim > 1 and b.ndim > 1:
        lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        memory.checked((*lead, a.shape[-2], b.shape[-1]), a.dtype)
    if a.dtype.kind not in "iub":
        return as_dtype_of(ops.matmul(as_core_float(a), as_core_float(b)), a)
    return np.asarray(np.matmul(a, b))


def _kept_gemm(b: Array, attributes: dict[str, Any]) -> Array | Variable:
    if b.ndim != 2 or b.dtype.kind != "f" or not b.size:
        return b
    scaled = as_core_float(b) * np.float32(attributes.get("alpha", 1.0))
    return Variable(scaled.T if attributes.get("transB", 0) else scaled)


@operator("Gemm", keep={1: _kept_gemm})
def gemm(
    a: Array,
    b: Array | Variable,
    c: Array | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,  # noqa: N803 - ONNX' names
    transB: int = 0,  # noqa: N803
    broadcast: int = 1,
) -> Array:
    """Alpha * A @ B + beta * C, with A or B transposed."""
    left = a.T if transA else a
    if isinstance(b, Variable):
        y = convolve(DENSE, as_core_float(left), b, None)
    else:
        right = b.T if transB else b
        if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[0]:
            raise ValueError(f"Gemm: A and B must be matrices that fit. Received: {left.shape} and {right.shape}.")
        memory.checked((left.shape[0], right.shape[1]), a.dtype)
        y = ops.matmul(as_core_float(left), as_core_float(right)) if a.dtype.kind not in "iub" else left @ right
        y = y * alpha if alpha != 1 else y
    if c is not None:
        y = y + (c if beta == 1 else c * c.dtype.type(beta))
    return as_dtype_of(np.asarray(y), a)


@operator("Einsum")
def einsum(*arrays: Array, equation: str) -> Array:
    _check_equation(equation, arrays)
    numbers = [array if array.dtype.kind in "iubf" else as_core_float(array) for array in arrays]
    return as_dtype_of(np.asarray(np.einsum(equation, *numbers, optimize="greedy")), arrays[0])


def _check_equation(equation: str, arrays: tuple[Array, ...]) -> None:
    """Refuses a result that is too large, and one that would take endless time."""
    if "." in equation or len(equation) > 200:
        if len(equation) > 200:
            raise ValueError("Einsum: the equation is too long.")
        return
    text = equation.replace(" ", "")
    sizes: dict[str, int] = {}
    for term, array in zip(text.split("->")[0].split(","), arrays, strict=True):
        for letter, size in zip(term, array.shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    result = text.split("->")[1] if "->" in text else "".join(letter for letter in sizes if text.count(letter) == 1)
    memory.checked([sizes[letter] for letter in result], arrays[0].dtype)


@operator("Det")
def determinant(x: Array) -> Array:
    return as_dtype_of(np.asarray(np.linalg.det(x)), x)
