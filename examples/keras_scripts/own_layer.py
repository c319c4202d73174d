"""A layer and a model of one's own: channels that weigh themselves (squeeze and excite), saved in a configuration."""

import numpy as np

import pyconv as keras
from pyconv import layers, ops

keras.utils.set_random_seed(6)


class ChannelAttention(layers.Layer):
    """Multiplies each channel by a number between 0 and 1 that depends on the means of all."""

    def __init__(self, ratio=4, **kwargs):
        super().__init__(**kwargs)
        self.ratio = ratio

    def build(self, input_shape):
        channels = input_shape[-1]
        self.narrow = self.add_weight(shape=(channels, channels // self.ratio), initializer="glorot_uniform")
        self.wide = self.add_weight(shape=(channels // self.ratio, channels), initializer="glorot_uniform")

    def call(self, inputs):
        means = ops.mean(inputs, axis=(1, 2), keepdims=True)
        return inputs * ops.sigmoid(ops.matmul(ops.relu(ops.matmul(means, self.narrow)), self.wide))

    def get_config(self):
        return {**super().get_config(), "ratio": self.ratio}


class Classifier(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.features = [layers.Conv2D(16, 3, activation="relu"), ChannelAttention(), layers.MaxPooling2D()]
        self.noise = layers.GaussianNoise(0.1)
        self.pool = layers.GlobalAveragePooling2D()
        self.head = layers.Dense(classes)

    def call(self, inputs, training=False):
        x = self.noise(inputs, training=training)
        for layer in self.features:
            x = layer(x)
        return self.head(self.pool(x))


rng = np.random.default_rng(6)
labels = rng.integers(2, size=320)
images = rng.normal(0, 1, (320, 16, 16, 3)).astype("float32")
images[labels == 1] = images[labels == 1].cumsum(axis=1) / 2  # the one kind is smooth along columns
model = Classifier(2)
model.compile(
    optimizer=keras.optimizers.AdamW(0.01),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(images[:256], labels[:256], batch_size=32, epochs=4, verbose=2)
again = ChannelAttention.from_config(ChannelAttention(ratio=2, name="attention").get_config())
_, accuracy = model.evaluate(images[256:], labels[256:], verbose=0)
print(f"{again.name} of ratio {again.ratio}; result {accuracy:.3f}")
