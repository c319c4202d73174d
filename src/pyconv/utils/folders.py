"""Which image files a folder holds, their classes, and how they are divided. Opens none of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyconv.arguments import real_number
from pyconv.ops.arrays import as_classes

# What Keras takes, and what else Pillow reads everywhere.
ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")

Files = tuple[list[str], "np.ndarray[Any, Any] | None", "list[str] | None"]


def listed(
    op: str,
    directory: str | os.PathLike[str],
    labels: Any,
    class_names: Sequence[str] | None,
    follow_links: bool,
) -> Files:
    """The paths of images in alphabetical order, their class numbers, and the classes' names.

    With labels="inferred" each sub-folder is a class, with what is in folders inside it.

    Raises:
        ValueError: if there is no such folder, no image in it, or the labels or names don't fit.
    """
    root = Path(directory)
    if not root.is_dir():
        raise ValueError(f"{op}: directory must be a folder. Received: directory={str(directory)!r}.")
    if not isinstance(labels, str):
        paths = _images(root, follow_links)
        if class_names is not None:
            raise ValueError(f'{op}: class_names belong to labels="inferred" alone. Received: {class_names=}.')
        numbers = None if labels is None else as_classes(op, "labels", labels).astype(np.int32)
        if numbers is not None and numbers.shape != (len(paths),):
            raise ValueError(
                f"{op}: labels must hold a number for each of the {len(paths)} files. "
                f"Received: labels of shape {numbers.shape}."
            )
        names = None if numbers is None else [str(number) for number in range(int(numbers.max(initial=-1)) + 1)]
    else:
        folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        names = folders if class_names is None else list(class_names)
        if labels != "inferred" or not set(names) <= set(folders):
            raise ValueError(
                f'{op}: labels must be "inferred", None or numbers, and class_names must be some of the sub-folders '
                f"{folders}. Received: {labels=}, {class_names=}."
            )
        of_class = [_images(root / name, follow_links) for name in names]
        paths = [path for found in of_class for path in found]
        numbers = np.repeat(np.arange(len(names), dtype=np.int32), [len(found) for found in of_class])
    if not paths:
        raise ValueError(f"{op}: there must be images, files {', '.join(ENDINGS)}. Received: {directory=}.")
    return paths, numbers, names


def parts(op: str, count: int, validation_split: float | None, subset: str | None) -> list[slice]:
    """Which of `count` files belong to the subset, or to both: the last part is for validation."""
    if (validation_split is None) != (subset is None):
        raise ValueError(
            f"{op}: give both validation_split and subset, or none. Received: {validation_split=}, {subset=}."
        )
    if validation_split is None:
        return [slice(0, count)]
    fraction = real_number(op, "validation_split", validation_split, 0, 1)
    last = int(count * fraction)
    if not 0 < last < count:
        raise ValueError(f"{op}: each part must hold a file. Received: {validation_split=} of {count} files.")
    choices = {"training": [slice(0, count - last)], "validation": [slice(count - last, count)]}
    choices["both"] = choices["training"] + choices["validation"]
    if subset not in choices:
        raise ValueError(f"{op}: subset must be one of {', '.join(choices)}. Received: {subset=}.")
    return choices[subset]


def _images(folder: Path, follow_links: bool) -> list[str]:
    found = []
    for root, _, names in sorted(os.walk(folder, followlinks=follow_links)):
        found += [os.path.join(root, name) for name in sorted(names) if name.lower().endswith(ENDINGS)]
    return found
