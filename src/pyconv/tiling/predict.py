"""predict_tiled: images of any size through a model of bounded memory. Where to cut is decided in cuts.py."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from pyconv import tree
from pyconv.gradient import Array
from pyconv.ops import geometry
from pyconv.tiling.cuts import Cuts, cuts_of
from pyconv.tiling.steps import chain_of, input_tensor


def predict_tiled(
    model: Any,
    x: Any,
    tile: Any = 512,
    *,
    out: Array | None = None,
    batch_size: int = 1,
    verbose: int = 0,
) -> Array:
    """What a fully convolutional model makes of large images, computed part by part.

    The result is that of `model(x)`: each tile overlaps its neighbours by as much as results read beyond it, which
    follows from the layers' windows, strides, dilation and padding (see `receptive_field`), and zeros are padded where
    the image ends and nowhere else. With `pyconv.set_precision("strict")` it is the same to the last bit, but for
    interpolating layers whose factor is no power of two and depthwise convolutions of fewer channels than a vector
    holds; otherwise to rounding, for what Winograd's algorithm rounds depends on where its own tiles lie: some 1e-6 of
    the result's scale.

    Args:
        model: a functional or built Sequential model with one input and one output, whose input's sizes are unknown
            (None). Convolutions, transposed ones, poolings, padding, cropping, upsampling, merges on equal sizes,
            normalizations and activations along channels, Dense on channels that come last.
        x: images (N, *spatial, C), or (N, C, *spatial); an array, also memory-mapped: only a tile of it is read at a
            time.
        tile: the most elements of the input that the model sees at once, an integer or one a spatial axis.
        out: an array for the results, memory-mapped for example; by default a new one.
        batch_size: how many images' tiles are computed together.
        verbose: 1 for a progress bar.

    Returns:
        The results: out if it was given.

    Raises:
        TypeError: if model or x is something else.
        ValueError: if the model isn't fully convolutional, which names the layer, tile is too small, or out doesn't
            fit.

    Example:
    >>> import numpy as np
    >>> import pyconv
    >>> from pyconv import layers
    >>> x = pyconv.Input((None, None, 3))
    >>> y = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    >>> y = layers.Conv2DTranspose(2, 2, strides=2)(layers.MaxPooling2D()(y))
    >>> model = pyconv.Model(x, y)
    >>> image = np.random.default_rng(1).random((1, 100, 80, 3), np.float32)
    >>> bool(np.allclose(pyconv.predict_tiled(model, image, tile=32), model(image), atol=1e-6))
    True
    """
    op = "predict_tiled"
    chain = chain_of(op, model)
    images = x if isinstance(x, np.ndarray) else np.asarray(x)
    declared = input_tensor(model).shape
    if images.ndim != chain.rank + 2:
        raise ValueError(f"{op}: x must have {chain.rank + 2} axes. Received: x.shape={images.shape}.")
    first = 2 if chain.channels_first else 1
    axes = tuple(range(first, first + chain.rank))
    if any(declared[axis] is not None for axis in axes):
        raise ValueError(
            f"{op}: the model's input must have unknown sizes, Input((None, None, 3)) say, for tiles have others than "
            f"the image. Received: an input of shape {declared}."
        )
    tiles = geometry.int_tuple(op, "tile", tile, chain.rank)
    batch = geometry.integer(op, "batch_size", batch_size)
    sides = [cuts_of(op, chain, i, images.shape[axis], tiles[i]) for i, axis in enumerate(axes)]
    output = tree.flatten(model.outputs)[0]
    channels = output.shape[1 if chain.channels_first else -1]
    sizes = tuple(side.results for side in sides)
    shape = (len(images), channels, *sizes) if chain.channels_first else (len(images), *sizes, channels)
    results = np.empty(shape, output.dtype) if out is None else _checked(op, out, shape, output.dtype, images)
    for images_at, cuts in _parts(op, len(images), batch, sides, verbose):
        read, write, keep = ([images_at, *[slice(None)] * (chain.rank + 1)] for _ in range(3))
        keep[0] = slice(None)
        for axis, side, cut in zip(axes, sides, cuts, strict=True):
            read[axis] = slice(cut.start, cut.start + side.length)
            write[axis] = slice(cut.first, cut.end)
            keep[axis] = slice(cut.skipped, cut.skipped + cut.end - cut.first)
        results[tuple(write)] = model(np.ascontiguousarray(images[tuple(read)]), training=False)[tuple(keep)]
    return results


def _parts(op: str, images: int, batch: int, sides: list[Cuts], verbose: int) -> Any:
    """All (images, a cut of each axis), as they are to be computed, with a bar that shows how many are done."""
    starts = range(0, images, batch)
    parts = itertools.product(
        (slice(start, min(start + batch, images)) for start in starts),
        itertools.product(*(side.cuts for side in sides)),
    )
    if not verbose:
        return parts
    from tqdm import tqdm  # noqa: PLC0415 - so that `import pyconv` stays light

    total = len(starts) * math.prod(len(side.cuts) for side in sides)
    return tqdm(parts, total=total, desc="Predict", unit="tile", leave=False)


def _checked(op: str, out: Any, shape: tuple[int, ...], dtype: str, images: Array) -> Array:
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{op}: out must be an array. Received: {type(out).__name__}.")
    if out.shape != shape or out.dtype != dtype or not out.flags.writeable:
        raise ValueError(
            f"{op}: out must be a writeable array of shape {shape} and dtype {dtype}. "
            f"Received: out.shape={out.shape}, out.dtype={out.dtype}, writeable={out.flags.writeable}."
        )
    if np.may_share_memory(out, images):
        raise ValueError(f"{op}: out must not share memory with x, later tiles read what earlier ones read.")
    return out
