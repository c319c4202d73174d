"""A network's training step by pyconv or by Keras, whose layers have the same names: by the modules that are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import training_networks
from training_networks import Step


class Builder:
    """Functional layers, with their weights set."""

    def __init__(self, layers: Any) -> None:
        self._layers = layers
        self._weights = training_networks.Weights()

    def conv(
        self,
        x: Any,
        filters: int,
        size: int,
        stride: int = 1,
        groups: int = 1,
        padding: str = "same",
        bias: bool = False,
    ) -> Any:
        options = {"strides": stride, "padding": padding, "use_bias": bias}
        kernel = self._weights.kernel(size, size, x.shape[-1] // groups, filters)
        if groups == 1:
            layer = self._layers.Conv2D(filters, size, **options)
        else:
            layer, kernel = self._layers.DepthwiseConv2D(size, **options), kernel.swapaxes(2, 3)
        return self._called(layer, x, kernel)

    def dense(self, x: Any, units: int) -> Any:
        return self._called(self._layers.Dense(units), x, self._weights.kernel(x.shape[-1], units))

    def _called(self, layer: Any, x: Any, kernel: Any) -> Any:
        y = layer(x)
        layer.set_weights([kernel, *layer.get_weights()[1:]])
        return y

    def batch_norm(self, x: Any) -> Any:
        return self._layers.BatchNormalization(epsilon=training_networks.EPSILON)(x)

    def relu(self, x: Any) -> Any:
        return self._layers.ReLU()(x)

    def max_pool(self, x: Any) -> Any:
        return self._layers.MaxPooling2D(2)(x)

    def global_average(self, x: Any) -> Any:
        return self._layers.GlobalAveragePooling2D()(x)

    def flatten(self, x: Any) -> Any:
        return self._layers.Flatten()(x)

    def add(self, x: Any, y: Any) -> Any:
        return self._layers.Add()([x, y])


def prepare(library: Any, step: Step) -> Callable[[], Any]:
    """One call of train_on_batch, whose result is the loss, after a first one."""
    shape, network = training_networks.NETWORKS[step.network]
    inputs = library.layers.Input(shape)
    model = library.Model(inputs, network(Builder(library.layers), inputs))
    loss = library.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(library.optimizers.SGD(step.learning_rate), loss)
    x, y = training_networks.data(step)
    model.train_on_batch(x, y)
    return lambda: model.train_on_batch(x, y)
