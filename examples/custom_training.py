"""A training loop of one's own: gradients by hand, a penalty on the weights, and a map of what the network looks at.

    python custom_training.py

The images are noise with a bright line in them, upright or level; the network says which. Everything is computed here,
nothing is loaded. The same seed gives the same numbers, bit for bit, whatever the number of threads.
"""

from __future__ import annotations

import argparse

import numpy as np

import pyconv
from pyconv import layers, losses, ops, optimizers

SIZE = 16


def make_images(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (N, 16, 16, 1), their labels, and the number of the row or column that is bright."""
    images = rng.normal(scale=0.5, size=(count, SIZE, SIZE, 1)).astype("float32")
    upright, place = rng.integers(2, size=count), rng.integers(2, SIZE - 2, size=count)
    for image, is_column, line in zip(images, upright, place, strict=True):
        image[(slice(None), line) if is_column else line] += 1
    return images, upright, place


def build_model() -> pyconv.Sequential:
    return pyconv.Sequential(
        [
            layers.Input((SIZE, SIZE, 1)),
            layers.Conv2D(8, 5, activation="relu"),
            layers.BatchNormalization(),
            layers.Conv2D(8, 5, activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(2),
        ]
    )


def train(model: pyconv.Sequential, images: np.ndarray, labels: np.ndarray, steps: int) -> list[float]:
    """What `fit` does, written out, with a penalty of its own and gradients cut off at a length of 1."""
    optimizer = optimizers.Adam(0.01)
    cross_entropy = losses.SparseCategoricalCrossentropy(from_logits=True)
    kernel = model.layers[0].kernel

    def loss_of(x: np.ndarray, y: np.ndarray) -> object:
        # Layers, losses and ops leave gradients, and so do Python's operators; NumPy's functions would raise an error.
        return cross_entropy(y, model(x, training=True)) + 1e-3 * ops.sum(kernel**2)

    step = pyconv.value_and_grad(loss_of, model)
    history = []
    for batch in np.array_split(pyconv.random.generator().permutation(steps * 32) % len(images), steps):
        loss, gradients = step(images[batch], labels[batch])
        lengths = [np.linalg.norm(gradient) for gradient in gradients]
        shortened = [g / max(1.0, length) for g, length in zip(gradients, lengths, strict=True)]
        optimizer.apply(shortened, model.trainable_weights)
        history.append(float(loss))
    return history


def saliency(model: pyconv.Sequential, image: np.ndarray, label: int) -> np.ndarray:
    """How much each pixel moves the score of a class: the gradient with respect to the input, its absolute value."""
    with pyconv.GradientTape() as tape:
        pixels = tape.watch(image[np.newaxis])
        score = model(pixels, training=False)[0, label]
    return abs(tape.gradient(score, pixels))[0, :, :, 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    pyconv.seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    model = build_model()

    images, labels, _ = make_images(640, rng)
    history = train(model, images, labels, arguments.steps)
    print(f"loss of the first step {history[0]:.3f}, of the last {history[-1]:.3f}")

    images, labels, places = make_images(200, rng)
    right = model.predict(images, verbose=0).argmax(axis=-1) == labels
    print(f"accuracy on new images {right.mean():.1%}")

    seen = np.array([saliency(model, image, label) for image, label in zip(images[:20], labels[:20], strict=True)])
    lines = np.array([s.mean(axis=0 if upright else 1) for s, upright in zip(seen, labels[:20], strict=True)])
    share = np.mean([line[place] / line.mean() for line, place in zip(lines, places[:20], strict=True)])
    print(f"pixels of the line matter {share:.1f} times as much as the others")


if __name__ == "__main__":
    main()
