"""A U-Net with skip connections: marks the pixels of bright squares in noise, with weights for the rare class."""

import numpy as np

import pyconv as keras
from pyconv import layers

keras.utils.set_random_seed(4)
rng = np.random.default_rng(4)
count, size = 160, 32
masks = np.zeros((count, size, size, 1), "float32")
for mask in masks:
    for top, left in rng.integers(2, 22, (2, 2)):
        mask[top : top + 7, left : left + 7] = 1
images = (masks + rng.normal(0, 0.6, masks.shape)).astype("float32")


def convolutions(x, filters):
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(layers.BatchNormalization()(x))
    return x


inputs = x = keras.Input(shape=(None, None, 1))
skips = []
for filters in (8, 16):
    x = convolutions(x, filters)
    skips.append(x)
    x = layers.MaxPooling2D(2)(x)
x = layers.SpatialDropout2D(0.1)(convolutions(x, 32))
for filters, skip in zip((16, 8), reversed(skips), strict=True):
    x = layers.Conv2DTranspose(filters, 2, strides=2)(x)
    x = convolutions(layers.concatenate([x, skip]), filters)
outputs = layers.Conv2D(1, 1, activation="sigmoid")(x)
model = keras.Model(inputs, outputs)
model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=[keras.metrics.BinaryIoU([1], threshold=0.5)])
weights = 1 + masks[:128, ..., 0]
model.fit(images[:128], masks[:128], sample_weight=weights, batch_size=8, epochs=5, verbose=2)
_, overlap = model.evaluate(images[128:], masks[128:], batch_size=8, verbose=0)
print(f"result {overlap:.3f} of the union")
