"""A small residual network, functional: which of four directions do the stripes of a colour image run in?"""

import numpy as np

import pyconv as keras
from pyconv import layers

keras.utils.set_random_seed(2)
rng = np.random.default_rng(2)
count, size = 480, 32
labels = rng.integers(4, size=count)
rows, columns = np.mgrid[:size, :size]
waves = np.stack([rows, columns, rows + columns, rows - columns])[labels]
phases, colours = rng.uniform(0, 6, (count, 1, 1)), rng.uniform(0.3, 1, (count, 1, 1, 3))
images = np.sin(waves * 0.9 + phases)[..., np.newaxis] * colours + rng.normal(0, 0.3, (count, size, size, 3))
images = images.astype("float32")


def block(x, filters, strides=1):
    shortcut = x
    if strides > 1:
        shortcut = layers.BatchNormalization()(layers.Conv2D(filters, 1, strides=strides, use_bias=False)(x))
    y = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
    y = layers.ReLU()(layers.BatchNormalization()(y))
    y = layers.BatchNormalization()(layers.Conv2D(filters, 3, padding="same", use_bias=False)(y))
    return layers.Activation("relu")(layers.Add()([y, shortcut]))


inputs = keras.Input(shape=(size, size, 3))
x = layers.Conv2D(8, 3, padding="same", activation="relu", kernel_regularizer=keras.regularizers.L2(1e-4))(inputs)
x = block(x, 8)
x = block(x, 16, strides=2)
x = block(x, 32, strides=2)
outputs = layers.Dense(4)(layers.GlobalAveragePooling2D()(x))
model = keras.Model(inputs, outputs, name="small_resnet")
model.compile(
    optimizer=keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.05, 60), momentum=0.9, nesterov=True),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
)
stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
model.fit(images, labels, batch_size=32, epochs=5, validation_split=0.2, callbacks=[stop], verbose=2)
accuracy = np.mean(model.predict(images[384:], verbose=0).argmax(axis=-1) == labels[384:])
print(f"{model.count_params()} parameters, result {accuracy:.3f}")
