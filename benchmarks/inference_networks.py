"""The networks whose inference is compared, built by pyconv, with weights that keep numbers at their size.

`model` makes one, `write` its files: the weights, the ONNX model that the peers read, and what is right.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The most images that anything is compared on.
LARGEST_BATCH = 16


@dataclass(frozen=True)
class Inference:
    """A network's call on a batch of images that lie in memory; its files are somewhere in `root`."""

    network: str
    batch: int
    root: Path

    @property
    def name(self) -> str:
        return f"{self.network}*{self.batch}"

    unit = "images/s"
    scale = 1

    def work(self) -> int:
        return self.batch

    @property
    def folder(self) -> Path:
        return self.root / self.network

    def images(self) -> NDArray[np.float32]:
        return np.load(self.folder / "images.npy")[: self.batch]  # type: ignore[no-any-return]

    def truth(self) -> NDArray[np.float64]:
        """What is right, from layers in float64."""
        return np.load(self.folder / "truth.npy")[: self.batch]  # type: ignore[no-any-return]


def mnist(pyconv: Any) -> Any:
    """The network of Keras' MNIST tutorial."""
    layers = pyconv.layers
    convolutions = [
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
    ]
    top = [layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")]
    return pyconv.Sequential([layers.Input((28, 28, 1)), *convolutions, *top])


def unet(pyconv: Any, width: int = 32) -> Any:
    """Ronneberger et al. 2015, arXiv:1505.04597, at half its width, with "same" padding: 256x256 in, 2 classes out."""
    layers = pyconv.layers

    def twice(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    x = images = layers.Input((256, 256, 3))
    kept = []
    for level in range(4):
        x = twice(x, width << level)
        kept.append(x)
        x = layers.MaxPooling2D()(x)
    x = twice(x, width << 4)
    for level in reversed(range(4)):
        x = layers.Conv2DTranspose(width << level, 2, 2)(x)
        x = twice(layers.Concatenate()([kept.pop(), x]), width << level)
    return pyconv.Model(images, layers.Conv2D(2, 1, activation="sigmoid")(x))


def tiny(pyconv: Any) -> Any:
    """What the others are made of, in a few pixels, for the tests: each operation, and pads that are hard to say."""
    layers = pyconv.layers
    images = layers.Input((16, 16, 3))
    x = layers.Normalization()(layers.Rescaling(1 / 8)(images))
    x = layers.Conv2D(8, 3, 2, use_bias=False)(layers.ZeroPadding2D(((0, 1), (0, 1)))(x))
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = y = layers.Activation("silu")(layers.DepthwiseConv2D(3, padding="same")(x))
    for filters, activation in ((2, "silu"), (8, "sigmoid")):
        y = y if filters == 8 else layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(y))
        y = layers.Conv2D(filters, 1, activation=activation)(y)
    x = layers.Multiply()([x, y])
    x = layers.Concatenate()([layers.AveragePooling2D(3, 1, "same")(x), x])
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    x = layers.Conv2DTranspose(6, 2, 2)(x)
    x = layers.Add()([x, layers.Conv2D(6, 1)(x)])
    return pyconv.Model(images, layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def _published(name: str) -> Callable[[Any], Any]:
    return lambda pyconv: getattr(pyconv.applications, name)()


NETWORKS: dict[str, Callable[[Any], Any]] = {
    "resnet50": _published("ResNet50"),
    "vgg16": _published("VGG16"),
    "mobilenet_v2": _published("MobileNetV2"),
    "efficientnet_b0": _published("EfficientNetB0"),
    "densenet121": _published("DenseNet121"),
    "inception_v3": _published("InceptionV3"),
    "unet": unet,
    "mnist": mnist,
    "tiny": tiny,
}
COMPARED = [name for name in NETWORKS if name != "tiny"]


def model(name: str) -> Any:
    """The network with weights of zeros, as fast as that goes."""
    import pyconv  # noqa: PLC0415 - the other peers' processes do without it
    from pyconv import applications, weight_budget  # noqa: F401, PLC0415 - an attribute from here on

    # VGG16's 138 million numbers take seconds to draw.
    with weight_budget.of(1 << 30):
        return NETWORKS[name](pyconv)


def some_images(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """LARGEST_BATCH images of normal numbers, or of bytes where the network scales them itself."""
    x = np.random.default_rng(4).standard_normal((LARGEST_BATCH, *shape), np.float32)
    return np.clip(np.rint(64 * x + 128), 0, 255) if name.startswith("efficientnet") else x


def write(root: Path, name: str) -> None:
    """The network's files, unless they are there: weights.npz, images.npy, model.onnx, and truth.npy."""
    import network_folding  # noqa: PLC0415
    import pyconv.onnx  # noqa: PLC0415

    place = root / name
    if (place / "truth.npy").exists():
        return
    place.mkdir(parents=True, exist_ok=True)
    made = model(name)
    x = some_images(name, made.input_shape[1:])
    draw(made, x[:4])  # enough for 196 numbers a channel in the smallest maps
    np.save(place / "images.npy", x)
    np.savez(place / "weights.npz", *made.get_weights())
    (place / "model.onnx").write_bytes(network_folding.simplified(pyconv.onnx.export(made)).SerializeToString())
    pyconv.config.set_floatx("float64")
    try:
        exact = model(name)
        exact.set_weights(made.get_weights())
        np.save(place / "truth.npy", np.concatenate([exact(one[None].astype(np.float64)) for one in x]))
    finally:
        pyconv.config.set_floatx("float32")


def draw(made: Any, x: NDArray[Any]) -> None:
    """Random weights with which numbers keep their size: He's for kernels, and for batch normalizations the mean and
    variance of what they get for these images, so that none of their four vectors is trivial.
    """
    generator = np.random.default_rng(3)
    norms = [layer for layer in made.layers if type(layer).__name__ == "BatchNormalization"]
    for layer in made.layers:
        if layer in norms:
            continue
        arrays = layer.get_weights()
        if type(layer).__name__ == "Normalization":
            layer.set_weights(
                [np.array([0.485, 0.456, 0.406]), np.array([0.052, 0.05, 0.051]), arrays[2]]
            )  # ImageNet's
            continue
        if not arrays:
            continue
        kernel = arrays[0]
        depthwise = type(layer).__name__ == "DepthwiseConv2D"
        terms = math.prod(kernel.shape[:2] if depthwise else kernel.shape[:-1])
        if type(layer).__name__ == "Conv2DTranspose":
            terms = kernel.shape[-1]  # windows that don't overlap: a number of each channel
        new = [generator.standard_normal(kernel.shape, np.float32) * np.float32(math.sqrt(2 / terms))]
        new += [np.float32(0.1) * generator.standard_normal(bias.shape, np.float32) for bias in arrays[1:]]
        layer.set_weights(new)
    for layer in norms:
        layer.momentum = 0.0
        for weight in layer.trainable_weights:
            noise = np.float32(0.1) * generator.standard_normal(weight.shape, np.float32)
            weight.assign(noise + np.float32(weight.name.startswith("gamma")))
    if norms:
        made(x, training=True)


def load(place: Path) -> Any:
    """The model with the weights of its file."""
    made = model(place.name)
    with np.load(place / "weights.npz") as file:
        made.set_weights([file[key] for key in file.files])
    return made
