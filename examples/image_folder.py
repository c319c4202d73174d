"""Trains a network on the images of a folder, whose sub-folders are the classes.

    pip install "pyconv-nn[images]"
    python image_folder.py --folder my_images

A folder that isn't there yet is filled with drawings of circles, squares and triangles, so that there is something to
learn. Images are read while the network computes, and changed at random at each turn; 20 % are kept for the test.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import pyconv
from pyconv import layers, optimizers
from pyconv.utils import image_dataset

IMAGE_SIZE = (32, 32)


def draw_shapes(folder: Path, count: int, rng: np.random.Generator) -> None:
    """`count` pictures of each shape, of any size, place and colours."""
    corners = {"circle": 60, "square": 4, "triangle": 3}
    for name, n in corners.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            dark, bright = rng.integers(0, 90, 3), rng.integers(150, 256, 3)
            image = Image.new("RGB", tuple(rng.integers(36, 64, 2)), tuple(dark))
            radius = min(image.size) * rng.uniform(0.25, 0.4)
            x, y = (rng.uniform(radius, size - radius) for size in image.size)
            start = 45 if n == 4 else -90  # a square stands on a side, a triangle too
            angles = np.radians(start + np.arange(n) * 360 / n + rng.uniform(-15, 15))
            points = [(x + radius * np.cos(a), y + radius * np.sin(a)) for a in angles]
            ImageDraw.Draw(image).polygon(points, fill=tuple(bright))
            image.save(folder / name / f"{number:03}.png")


def build_model(classes: int) -> pyconv.Sequential:
    return pyconv.Sequential(
        [
            layers.Input((*IMAGE_SIZE, 3)),
            layers.Rescaling(1 / 255),
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.1, 0.1, fill_mode="nearest"),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("shapes"))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not arguments.folder.exists():
        draw_shapes(arguments.folder, 80, np.random.default_rng(arguments.seed))

    pyconv.seed(arguments.seed)
    training, test = image_dataset(
        arguments.folder, image_size=IMAGE_SIZE, batch_size=16, validation_split=0.2, subset="both", seed=arguments.seed
    )
    model = build_model(len(training.class_names))
    print(model.memory_plan(16))
    model.compile(optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(training, epochs=arguments.epochs, validation_data=test, verbose=2)
    loss, accuracy = model.evaluate(test, verbose=0)
    print(f"of {len(test.file_paths)} images not seen before right {accuracy:.1%}, loss {loss:.3f}")


if __name__ == "__main__":
    main()
