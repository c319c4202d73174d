"""The same numbers in another shape or order of axes, and questions about shapes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyconv.gradient import Array
from pyconv.onnx import memory
from pyconv.onnx.operators.windows import Sizes
from pyconv.onnx.registry import operator


@operator("Identity", layout="elementwise")
def identity(x: Any) -> Any:
    return x


@operator("Dropout", since=12, layout="elementwise")
def dropout(
    x: Array, ratio: Array | None = None, training_mode: Array | None = None, *, seed: int = 0, outputs: int = 1
) -> Any:
    if training_mode is not None and training_mode.item() and (ratio is None or ratio.item()):
        raise ValueError("Dropout: training_mode must be false, a loaded model isn't trained.")
    return (x, np.ones(x.shape, bool)) if outputs > 1 else x


@operator("Dropout", layout="elementwise")
def dropout_by_attributes(x: Array, *, ratio: float = 0.5, is_test: int = 1, seed: int = 0, outputs: int = 1) -> Any:
    return (x, np.ones(x.shape, bool)) if outputs > 1 else x


@operator("Reshape", since=5)
def reshape(x: Array, shape: Array, *, allowzero: int = 0) -> Array:
    wanted = shape.ravel().tolist()
    if not allowzero:
        if any(size == 0 for size in wanted[x.ndim :]):
            raise ValueError(f"Reshape: a size of 0 means that of x, which has {x.ndim} axes. Received: {wanted}.")
        wanted = [size or x.shape[axis] for axis, size in enumerate(wanted)]
    if -1 in wanted and 0 in wanted and x.size == 0:
        raise ValueError(f"Reshape: -1 has no meaning beside a size of 0. Received: {wanted}.")
    return x.reshape(wanted)


@operator("Flatten")
def flatten(x: Array, *, axis: int = 1) -> Array:
    if not -x.ndim <= axis <= x.ndim:
        raise ValueError(f"Flatten: axis must be in {-x.ndim}..{x.ndim}. Received: axis={axis}.")
    place = axis + x.ndim if axis < 0 else axis
    return x.reshape(math.prod(x.shape[:place]), math.prod(x.shape[place:]))


@operator("Transpose", layout="transpose")
def transpose(x: Array, *, perm: Sizes = None) -> Array:
    y = x.transpose(perm)
    return y if y.flags.c_contiguous else np.ascontiguousarray(y)


@operator("Squeeze", since=13)
def squeeze(x: Array, axes: Array | None = None) -> Array:
    return np.squeeze(x, None if axes is None else tuple(axes.ravel().tolist()))


@operator("Squeeze")
def squeeze_by_attribute(x: Array, *, axes: Sizes = None) -> Array:
    return np.squeeze(x, axes)


@operator("Unsqueeze", since=13)
def unsqueeze(x: Array, axes: Array) -> Array:
    return np.expand_dims(x, tuple(axes.ravel().tolist()))


@operator("Unsqueeze")
def unsqueeze_by_attribute(x: Array, *, axes: Sizes) -> Array:
    return np.expand_dims(x, axes or ())


@operator("Shape")
def shape_of(x: Array, *, start: int = 0, end: int | None = None) -> Array:
    return np.array(x.shape[start:end], np.int64)


@operator("Size")
def size_of(x: Array) -> Array:
    return np.array(x.size, np.int64)


@operator("Expand")
def expand(x: Array, shape: Array) -> Array:
    sizes = memory.broadcast(x.shape, tuple(shape.ravel().tolist()))
    return np.broadcast_to(x, memory.checked(sizes, x.dtype)).copy()


@operator("Tile", since=6)
def tile(x: Array, repeats: Array) -> Array:
    times = repeats.ravel().tolist()
    memory.checked([size * time for size, time in zip(x.shape, times, strict=True)], x.dtype)
    return np.tile(x, times)


@operator("DepthToSpace", layout="channels")
def depth_to_space(x: Array, *, blocksize: int, mode: str = "DCR") -> Array:
    """Of images with channels last; a block's pixels are the slowest ("DCR") or fastest ("CRD") part of channels."""
    batch, height, width, channels = x.shape
    b = blocksize
    if b < 1 or channels % (b * b):
        raise ValueError(f"DepthToSpace: blocksize must divide the channels twice. Received: {b}, {channels} channels.")
    depth = channels // (b * b)
    if mode == "DCR":
        y = x.reshape(batch, height, width, b, b, depth).transpose(0, 1, 3, 2, 4, 5)
    else:
        y = x.reshape(batch, height, width, depth, b, b).transpose(0, 1, 4, 2, 5, 3)
    return y.reshape(batch, height * b, width * b, depth)


@operator("SpaceToDepth", layout="channels")
def space_to_depth(x: Array, *, blocksize: int, mode: str = "DCR") -> Array:
    batch, height, width, channels = x.shape
    b = blocksize
    if b < 1 or height % b or width % b:
        raise ValueError(f"SpaceToDepth: blocksize must divide height and width. Received: {b}, {height} x {width}.")
    blocks = x.reshape(batch, height // b, b, width // b, b, channels)
    order = (0, 1, 3, 2, 4, 5) if mode == "DCR" else (0, 1, 3, 5, 2, 4)
    return blocks.transpose(order).reshape(batch, height // b, width // b, channels * b * b)
