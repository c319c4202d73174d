"""Images in files as arrays and back. Pillow, an extra, reads and writes them; nothing here knows a format."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from pyconv import config
from pyconv.gradient import Array
from pyconv.ops import geometry
from pyconv.ops.arrays import as_float

if TYPE_CHECKING:
    from PIL import Image

MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")  # Pillow's, in lower case


def load_img(
    path: str | os.PathLike[str] | io.BytesIO,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image.Image:
    """Reads an image file.

    Args:
        path: its name, or a file in memory.
        color_mode: "rgb", "rgba" or "grayscale".
        target_size: (height, width) to resize to; None for the image's own.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming", as Pillow has them.
        keep_aspect_ratio: whether what is too wide or too high is cut off on both sides first.

    Returns:
        An image of Pillow's; `img_to_array` makes an array of it.

    Raises:
        ImportError: if Pillow isn't installed.
        ValueError: if the file isn't an image that Pillow can read, or an argument is another word.
    """
    op = "load_img"
    for name, given, allowed in (("color_mode", color_mode, MODES), ("interpolation", interpolation, _INTERPOLATIONS)):
        if given not in allowed:
            raise ValueError(f"{op}: {name} must be one of {', '.join(allowed)}. Received: {name}={given!r}.")
    image = decoded(op, path, color_mode)
    if target_size is None:
        return image
    height, width = geometry.int_tuple(op, "target_size", target_size, 2)
    columns, rows = image.size
    box = None
    if keep_aspect_ratio:
        high, wide = min(rows, columns * height // width), min(columns, rows * width // height)
        left, top = (columns - wide) // 2, (rows - high) // 2
        box = (left, top, left + wide, top + high)
    return image.resize((width, height), getattr(pillow(op).Resampling, interpolation.upper()), box=box)


def decoded(op: str, path: Any, color_mode: str) -> Image.Image:
    """The first frame of an image file in a colour mode; ValueError names a file that can't be read."""
    library = pillow(op)
    try:
        with library.open(path) as file:
            file.load()
            image: Image.Image = file
            if image.mode.startswith("I;16"):  # which Pillow would cut off at 255 rather than scale
                image = library.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            return image.convert(MODES[color_mode])
    except (OSError, SyntaxError, ValueError, library.DecompressionBombError) as error:  # what its readers raise
        raise ValueError(f"{op}: the file can't be read as an image: {path}. {error}") from error


def img_to_array(img: Any, data_format: str | None = None, dtype: DTypeLike | None = None) -> Array:
    """An image of Pillow's as an array.

    Args:
        img: the image.
        data_format: "channels_last" for (H, W, C), "channels_first" for (C, H, W); None for
            `pyconv.config.image_data_format()`.
        dtype: the array's dtype; None for `pyconv.config.floatx()`.

    Raises:
        ValueError: if it isn't an image.
    """
    x = np.array(img, dtype or config.floatx())
    if x.ndim not in (2, 3):
        raise ValueError(f"img_to_array: img must be an image. Received: an array of shape {x.shape}.")
    x = x[:, :, np.newaxis] if x.ndim == 2 else x
    is_first = geometry.data_format("img_to_array", data_format) == "channels_first"
    return np.ascontiguousarray(x.transpose(2, 0, 1)) if is_first else x


def array_to_img(x: ArrayLike, data_format: str | None = None, scale: bool = True) -> Image.Image:
    """An array as an image of Pillow's.

    Args:
        x: numbers (H, W, C), or (C, H, W) with data_format="channels_first"; 1, 3 or 4 channels.
        data_format: see x; None for `pyconv.config.image_data_format()`.
        scale: whether the smallest number becomes 0 and the largest 255; otherwise they must lie in 0..255.

    Raises:
        ImportError: if Pillow isn't installed.
        TypeError: if x doesn't hold numbers.
        ValueError: if it has another shape, or numbers outside 0..255 without scale.
    """
    op = "array_to_img"
    pixels = np.asarray(as_float(op, "x", x))
    if pixels.ndim == 3 and geometry.data_format(op, data_format) == "channels_first":
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim != 3 or pixels.shape[2] not in CHANNELS.values() or pixels.size == 0:
        raise ValueError(f"{op}: x must be an image with 1, 3 or 4 channels. Received: x.shape={np.shape(x)}.")
    if scale:
        pixels = pixels - pixels.min()
        pixels = pixels * (255 / (pixels.max() or 1))
    if not (pixels.min() >= 0 and pixels.max() <= 255):
        raise ValueError(f"{op}: x must lie in 0..255 without scale. Received: from {pixels.min()} to {pixels.max()}.")
    values = np.ascontiguousarray(pixels.astype(np.uint8))
    image: Image.Image = pillow(op).fromarray(values[:, :, 0] if values.shape[2] == 1 else values)
    return image


def save_img(
    path: str | os.PathLike[str] | io.BytesIO,
    x: ArrayLike,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Writes an array as an image file; see `array_to_img` for the arguments.

    Args:
        path: the file's name, or a file in memory.
        x: the image.
        data_format: as in `array_to_img`.
        file_format: "png", "jpeg" ...; by default the name's ending says it.
        scale: as in `array_to_img`.
        **kwargs: for Pillow's `save`.

    Example:
    >>> import numpy as np
    >>> from pyconv.utils import img_to_array, load_img, save_img
    >>> save_img("dot.png", np.eye(3).reshape(3, 3, 1))
    >>> img_to_array(load_img("dot.png", color_mode="grayscale"))[:, :, 0]
    array([[255.,   0.,   0.],
           [  0., 255.,   0.],
           [  0.,   0., 255.]], dtype=float32)
    """
    image = array_to_img(x, data_format, scale)
    ending = Path(path).suffix[1:] if isinstance(path, str | os.PathLike) else ""
    kind = (file_format or ending).lower()
    if kind in ("jpg", "jpeg") and image.mode == "RGBA":
        raise ValueError("save_img: a JPEG file has no fourth channel. Received: an image with 4 channels.")
    image.save(path, format="jpeg" if kind == "jpg" else kind or None, **kwargs)


def pillow(op: str) -> Any:
    """Pillow's module `Image`; ImportError says how to get it."""
    try:
        from PIL import Image  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise ImportError(f"pyconv.utils.{op} needs Pillow: pip install pyconv-nn[images]") from error
    return Image
