"""A convolutional autoencoder that takes noise away from images of discs: strides down, two ways up again."""

import numpy as np

import pyconv as keras
from pyconv import layers

keras.utils.set_random_seed(3)
rng = np.random.default_rng(3)
count, size = 320, 24
rows, columns = np.mgrid[:size, :size]
centres, radii = rng.uniform(6, 18, (2, count, 1, 1)), rng.uniform(3, 7, (count, 1, 1))
clean = ((rows - centres[0]) ** 2 + (columns - centres[1]) ** 2 < radii**2)[..., np.newaxis].astype("float32")
noisy = np.clip(clean + rng.normal(0, 0.4, clean.shape), 0, 1).astype("float32")

encoder = keras.Sequential(
    [
        keras.Input(shape=(size, size, 1)),
        layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
        layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
    ],
    name="encoder",
)
decoder = keras.Sequential(
    [
        keras.Input(shape=(size // 4, size // 4, 8)),
        layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu"),
        layers.UpSampling2D(2),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
    ],
    name="decoder",
)
inputs = keras.Input(shape=(size, size, 1))
autoencoder = keras.Model(inputs, decoder(encoder(inputs)))
autoencoder.compile(optimizer=keras.optimizers.Adam(learning_rate=0.005), loss="binary_crossentropy")
autoencoder.fit(noisy[:256], clean[:256], epochs=6, batch_size=16, shuffle=True, verbose=2)
denoised = autoencoder.predict(noisy[256:], verbose=0)
error, before = (np.mean((images - clean[256:]) ** 2) for images in (denoised, noisy[256:]))
print(f"code {encoder.output_shape}, result {before / error:.3f} times less noise")
