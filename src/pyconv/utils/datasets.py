"""Images from folders as batches: read when they are wanted, the next ones while those before are computed with."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from pyconv import random
from pyconv.gradient import Array
from pyconv.layers.resizing import Resizing
from pyconv.ops import geometry
from pyconv.utils import folders, images
from pyconv.utils.numerical import to_categorical

T = TypeVar("T")
R = TypeVar("R")

_LABEL_MODES = ("int", "binary", "categorical", None)
_AHEAD = 2  # batches that are read before they are asked for: one is ready when another takes longer than usual
_OP = "image_dataset"


def image_dataset(
    directory: str | os.PathLike[str],
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    *,
    verbose: bool = True,
) -> Any:
    """The images of a folder, whose sub-folders are the classes, as batches for `fit`, `evaluate` and `predict`.

    Files are read batch by batch, on a thread that works ahead while the model computes; at most four batches are in
    memory. Keras knows the function as `image_dataset_from_directory`, a name that serves too.

    Args:
        directory: the folder.
        labels: "inferred" from the sub-folders; or class numbers for all files in alphabetical order; None for none.
        label_mode: "int" for class numbers (N,), "categorical" for one-hot rows (N, classes), "binary" for zeros and
            ones (N, 1), None for no labels.
        class_names: the sub-folders in the order of their numbers; alphabetical by default.
        color_mode: "rgb", "rgba" or "grayscale".
        batch_size: images a batch; the last may be smaller.
        image_size: (height, width) of all images, or one number for both.
        shuffle: whether every epoch has a new order; otherwise it is alphabetical.
        seed: an integer for an order of the dataset's own; None draws from the generator that `pyconv.seed` sets.
        validation_split: the part of the files, 0 to 1, that is kept for validation.
        subset: "training", "validation" or "both", with validation_split.
        interpolation: "bilinear", "nearest" or "bicubic", see `pyconv.layers.Resizing`.
        follow_links: whether folders that are links are entered.
        crop_to_aspect_ratio: see `pyconv.layers.Resizing`.
        pad_to_aspect_ratio: see `pyconv.layers.Resizing`.
        data_format: "channels_last" or "channels_first"; None for `pyconv.config.image_data_format()`.
        verbose: whether the numbers of files and classes are printed.

    Returns:
        An `ImageDataset`, or with subset="both" a list of two, for training and validation.

    Raises:
        ImportError: if Pillow isn't installed.
        TypeError: if a size isn't an integer.
        ValueError: if there are no images, or arguments don't fit; while iterating, if a file can't be read, by name.

    Example:
    >>> import os
    >>> import numpy as np
    >>> from pyconv.utils import image_dataset, save_img
    >>> for name in ("cats/a", "cats/b", "dogs/c"):
    ...     os.makedirs(os.path.dirname(name), exist_ok=True)
    ...     save_img(name + ".png", np.random.rand(20, 30, 3))
    >>> dataset = image_dataset(".", batch_size=2, image_size=(16, 24), shuffle=False)
    Found 3 files belonging to 2 classes.
    >>> [(images.shape, labels.tolist()) for images, labels in dataset]
    [((2, 16, 24, 3), [0, 0]), ((1, 16, 24, 3), [1])]
    """
    for name, given, allowed in (("label_mode", label_mode, _LABEL_MODES), ("color_mode", color_mode, images.MODES)):
        if given not in allowed:
            raise ValueError(
                f"{_OP}: {name} must be one of {', '.join(map(str, allowed))}. Received: {name}={given!r}."
            )
    if validation_split is not None and shuffle and seed is None and subset != "both":
        raise ValueError(f"{_OP}: give a seed, so that training and validation have no file in common.")
    images.pillow(_OP)  # an error now rather than at the first batch
    paths, numbers, names = folders.listed(_OP, directory, labels, class_names, follow_links)
    if label_mode == "binary" and len(names or ()) != 2:
        raise ValueError(f'{_OP}: label_mode="binary" needs two classes. Received: {names}.')
    chosen = folders.parts(_OP, len(paths), validation_split, subset)
    if verbose:
        print(f"Found {len(paths)} files{'' if names is None else f' belonging to {len(names)} classes'}.")
    order = np.arange(len(paths))
    if shuffle:
        order = (random.generator() if seed is None else random.seeded(_OP, seed)).permutation(len(paths))
    height, width = geometry.int_tuple(_OP, "image_size", image_size, 2)
    resizing = Resizing(
        height,
        width,
        interpolation,
        crop_to_aspect_ratio,
        pad_to_aspect_ratio,
        data_format="channels_last",
        dtype="float32",
        name=_OP,
    )
    is_first = geometry.data_format(_OP, data_format) == "channels_first"
    datasets = []
    for number, part in enumerate(chosen):
        files = [paths[index] for index in order[part]]
        classes = None if numbers is None or label_mode is None else _labels(numbers[order[part]], label_mode, names)
        again = shuffle and not (subset == "both" and number == 1)
        datasets.append(
            ImageDataset(files, classes, names, color_mode, batch_size, resizing, is_first, shuffle=again, seed=seed)
        )
    if verbose and subset is not None:
        print(f"Using {' and '.join(str(len(each.file_paths)) for each in datasets)} files for {subset}.")
    return datasets if subset == "both" else datasets[0]


image_dataset_from_directory = image_dataset


class ImageDataset:
    """Batches of images and labels, or of images alone, as often as it is iterated over; `image_dataset` makes it.

    Attributes:
        file_paths: the files, in the order of the first part.
        class_names: the names of the classes, None if there are none.
    """

    def __init__(
        self,
        file_paths: list[str],
        labels: Array | None,
        class_names: list[str] | None,
        color_mode: str,
        batch_size: int,
        resizing: Resizing,
        channels_first: bool,
        *,
        shuffle: bool,
        seed: int | None,
    ) -> None:
        self.file_paths, self.class_names = file_paths, class_names
        self._labels = labels
        self._color_mode, self._channels_first = color_mode, channels_first
        self._batch_size = geometry.integer(_OP, "batch_size", batch_size)
        self._resizing = resizing
        self._shuffle = shuffle
        self._generator = None if seed is None else random.seeded(_OP, seed)

    def __len__(self) -> int:
        """The number of batches."""
        return math.ceil(len(self.file_paths) / self._batch_size)

    def __iter__(self) -> Iterator[Any]:
        order = np.arange(len(self.file_paths))
        if self._shuffle:
            order = (random.generator() if self._generator is None else self._generator).permutation(len(order))
        return prefetched(self._batch, np.split(order, range(self._batch_size, len(order), self._batch_size)))

    def _batch(self, numbers: Array) -> Any:
        pixels = np.stack([self._image(self.file_paths[number]) for number in numbers])
        if self._channels_first:
            pixels = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
        return pixels if self._labels is None else (pixels, self._labels[numbers])

    def _image(self, path: str) -> Array:
        pixels = images.img_to_array(images.decoded(_OP, path, self._color_mode), "channels_last", "float32")
        return np.asarray(self._resizing(pixels[np.newaxis])[0])


def prefetched(function: Callable[[T], R], items: Iterable[T], ahead: int = _AHEAD) -> Iterator[R]:
    """function(item) for each item in order, computed on a thread that is up to `ahead` results before the user.

    Example:
    >>> from pyconv.utils.datasets import prefetched
    >>> list(prefetched(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    with ThreadPoolExecutor(1, thread_name_prefix="pyconv-prefetch") as pool:
        waiting: deque[Future[R]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:  # of a loop that was left early
                future.cancel()


def _labels(numbers: Array, label_mode: str, names: list[str] | None) -> Array:
    if label_mode == "int":
        return numbers
    if label_mode == "binary":
        return numbers.astype(np.float32)[:, np.newaxis]
    return to_categorical(numbers, len(names or ())).astype(np.float32)
