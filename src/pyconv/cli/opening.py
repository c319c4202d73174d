"""Model files of any kind, and the arrays that they are given. Prints nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyconv import tree
from pyconv.models.model import Model


def open_model(file: str) -> Any:
    """A `Model`, or an `OnnxModel` where the name ends in .onnx."""
    if Path(file).suffix == ".onnx":
        from pyconv import onnx  # noqa: PLC0415 - an extra

        return onnx.load(file)
    from pyconv.saving import load_model  # noqa: PLC0415 - an extra

    return load_model(file, compile=False)


def input_shapes(model: Any) -> list[tuple[int | None, ...]]:
    """The shapes of a model's inputs, None where any size will do; names of sizes, as ONNX has them, count as such."""
    if not isinstance(model, Model):
        return [tuple(size if isinstance(size, int) else None for size in value.shape or ()) for value in model.inputs]
    if model.is_functional or model.built:
        return [tensor.shape for tensor in model.inputs]
    raise ValueError(f"the model {model.name!r} does not say what goes in.")


def zeros(model: Any, shape: str | None) -> list[NDArray[Any]]:
    """One sample of zeros for each input.

    Args:
        model: the model.
        shape: "224,224,3" for one sample of its only input, where the model leaves sizes open.

    Raises:
        ValueError: if sizes are open and no shape is given, or it doesn't fit.
    """
    shapes = input_shapes(model)
    if shape is not None:
        sizes = tuple(int(size) for size in shape.split(","))
        if len(shapes) != 1 or len(sizes) != len(shapes[0]) - 1:
            raise ValueError(f"--shape must have the sizes of one sample of {shapes}. Received: {shape}.")
        shapes = [(1, *sizes)]
    if any(size is None for one in shapes for size in one[1:]):
        raise ValueError(f"the model takes any sizes: say which with --shape. Its inputs are {shapes}.")
    dtypes = [np.dtype(np.float32)] * len(shapes) if isinstance(model, Model) else [v.dtype for v in model.inputs]
    return [np.zeros([size or 1 for size in one], dtype) for one, dtype in zip(shapes, dtypes, strict=True)]


def predict(model: Any, x: NDArray[Any]) -> list[NDArray[Any]]:
    """The outputs for samples of the only input."""
    if len(input_shapes(model)) != 1:
        raise ValueError(f"the model has {len(input_shapes(model))} inputs, one file can't be all of them.")
    found = model.predict(x, verbose=0) if isinstance(model, Model) else model.predict(x)
    return [np.asarray(y) for y in tree.flatten(found)]


def read_samples(model: Any, file: str, scale: tuple[float, float]) -> NDArray[Any]:
    """An array of a .npy file, or an image in the size and order of axes that the model takes.

    Args:
        model: the model.
        file: the file.
        scale: what black and white of an image become.

    Raises:
        ImportError: if an image is given and Pillow isn't installed.
        ValueError: if the model doesn't take images.
    """
    (shape, *_) = input_shapes(model)
    if Path(file).suffix == ".npy":
        samples: NDArray[Any] = np.load(file, allow_pickle=False)
        return samples[np.newaxis] if samples.ndim == len(shape) - 1 else samples
    try:
        from PIL import Image  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ImportError("images need Pillow: pip install pyconv-nn[images]") from error
    first = len(shape) == 4 and shape[1] in (1, 3) and shape[3] not in (1, 3)
    channels = shape[1] if first else shape[-1]
    if len(shape) != 4 or channels not in (1, 3):
        raise ValueError(f"the model takes no images of 1 or 3 channels but arrays of shape {shape}: give a .npy file.")
    height, width = shape[2:] if first else shape[1:3]
    with Image.open(file) as image:
        resized = image.convert("L" if channels == 1 else "RGB").resize((width or image.width, height or image.height))
        pixels = np.asarray(resized, np.float32)
    low, high = scale
    pixels = low + pixels.reshape(*pixels.shape[:2], channels) * ((high - low) / 255)
    return (pixels.transpose(2, 0, 1) if first else pixels)[np.newaxis].astype(np.float32)
