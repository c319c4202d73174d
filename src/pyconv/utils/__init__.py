"""The functions of `keras.utils` that programs with such a library use: labels, images in files, random numbers."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pyconv.py_dataset import PyDataset, Sequence
from pyconv.utils.numerical import normalize, to_categorical
from pyconv.utils.session import clear_session, set_random_seed

if TYPE_CHECKING:
    from pyconv.utils.datasets import ImageDataset, image_dataset, image_dataset_from_directory
    from pyconv.utils.images import array_to_img, img_to_array, load_img, save_img

__all__ = [
    "ImageDataset",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "clear_session",
    "image_dataset",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "normalize",
    "save_img",
    "set_random_seed",
    "to_categorical",
]

# Imported when first asked for, so that `import pyconv` stays light.
_LATE = {
    **dict.fromkeys(("ImageDataset", "image_dataset", "image_dataset_from_directory"), "datasets"),
    **dict.fromkeys(("array_to_img", "img_to_array", "load_img", "save_img"), "images"),
}


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATE[name]}"), name)
