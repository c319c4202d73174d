"""Three kinds of waves in one dimension: dilated, causal and separable convolutions, and a schedule by callback."""

import numpy as np

import pyconv as keras
from pyconv import layers

keras.utils.set_random_seed(5)
rng = np.random.default_rng(5)
count, length = 480, 96
labels = rng.integers(3, size=count)
time = np.arange(length) / length * rng.uniform(6, 10, (count, 1)) + rng.uniform(0, 1, (count, 1))
shapes = np.stack([np.sin(2 * np.pi * time), np.sign(np.sin(2 * np.pi * time)), 2 * (time % 1) - 1])
series = (shapes[labels, np.arange(count)] + rng.normal(0, 0.1, (count, length)))[..., np.newaxis].astype("float32")

normalize = layers.Normalization(axis=-1)
normalize.adapt(series)
inputs = keras.Input(shape=(length, 1))
x = normalize(inputs)
x = layers.Conv1D(16, 5, padding="causal", dilation_rate=2)(x)
x = layers.LeakyReLU(negative_slope=0.1)(layers.BatchNormalization(momentum=0.9)(x))
x = layers.MaxPooling1D(2)(x)
x = layers.SeparableConv1D(32, 5, padding="same", activation="relu")(x)
average, largest = layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)
outputs = layers.Dense(3, activation="softmax")(layers.Concatenate()([average, largest]))
model = keras.Model(inputs=inputs, outputs=outputs)
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
slower = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.01 if epoch < 8 else 0.002)
history = model.fit(
    series[:400],
    labels[:400],
    epochs=12,
    callbacks=[slower],
    validation_data=(series[400:], labels[400:]),
    verbose=0,
)
print(f"after {len(history.history['loss'])} epochs: result {history.history['val_accuracy'][-1]:.3f}")
