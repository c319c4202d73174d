"""The Python side of lines.cpp: trains the network and writes its weights, then compares what the program computed.

    python lines.py train FOLDER
    python lines.py compare FOLDER

The images are noise with a bright line in them, upright or level; the network says which.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import pyconv
from pyconv import layers

SIZE = 16


def make_images(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 16, 16, 1), and 1 for each whose line is upright."""
    images = rng.normal(scale=0.5, size=(count, SIZE, SIZE, 1)).astype("float32")
    upright, place = rng.integers(2, size=count), rng.integers(2, SIZE - 2, size=count)
    for image, is_column, line in zip(images, upright, place, strict=True):
        image[(slice(None), line) if is_column else line] += 1
    return images, upright


def train(folder: Path) -> None:
    pyconv.seed(1)
    rng = np.random.default_rng(1)
    model = pyconv.Sequential(
        [
            layers.Conv2D(8, 5, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 3, activation="relu"),
            layers.GlobalMaxPooling2D(keepdims=True),
            layers.Conv2D(2, 1),
        ]
    )
    loss = pyconv.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=pyconv.optimizers.Adam(0.01), loss=loss)
    images, upright = make_images(1024, rng)
    model.fit(images, upright[:, None, None], epochs=4, verbose=0)

    images, upright = make_images(256, rng)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "images.npy", images)
    np.save(folder / "upright.npy", upright)
    np.save(folder / "expected.npy", model.predict(images, verbose=0))
    with_weights = [layer for layer in model.layers if layer.weights]
    for index, (kernel, bias) in enumerate(layer.get_weights() for layer in with_weights):
        np.save(folder / f"kernel{index}.npy", kernel)
        np.save(folder / f"bias{index}.npy", bias)


def compare(folder: Path) -> None:
    scores, expected, upright = (np.load(folder / f"{name}.npy") for name in ("scores", "expected", "upright"))
    np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-5 * np.abs(expected).max())  # float32's rounding
    right = np.mean(scores.argmax(-1).ravel() == upright)
    print(f"the program's scores are Python's; {right:.1%} of its answers are right")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["train", "compare"])
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    (train if options.action == "train" else compare)(options.folder)
