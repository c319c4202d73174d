"""Sequential: a model whose layers follow one another. How it is trained is in training.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pyconv.layers.input_layer import InputLayer
from pyconv.layers.layer import Layer
from pyconv.models.graph import Graph
from pyconv.models.model import Model
from pyconv.symbolic import KerasTensor


class Sequential(Model):
    """Layers one after another, each fed with the one before. May itself be a layer of another model.

    The weights are made as soon as the input's shape is known: from an `Input` in front, from `input_shape=` of
    the first layer, from `build`, or from the first data.

    Args:
        layers: the layers, in order; more can be added with `add`.
        trainable: whether `fit` updates the weights.
        name: the model's name.

    Raises:
        TypeError: if one isn't a layer.
        ValueError: if two have the same name, or one doesn't fit what comes before it.

    Example:
    >>> import numpy as np
    >>> from pyconv import Sequential
    >>> from pyconv.layers import Conv2D, Dense, Flatten, Input, MaxPooling2D
    >>> model = Sequential(
    ...     [
    ...         Input((28, 28, 1)),
    ...         Conv2D(8, 3, activation="relu"),
    ...         MaxPooling2D(),
    ...         Flatten(),
    ...         Dense(10, activation="softmax"),
    ...     ]
    ... )
    >>> model.predict(np.zeros((5, 28, 28, 1))).shape
    (5, 10)
    >>> model.count_params()
    13610
    """

    def __init__(
        self, layers: Iterable[Layer | KerasTensor] | None = None, trainable: bool = True, name: str | None = None
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        self._chain: list[Any] = []  # the symbolic input and what each layer makes of it, once its shape is known
        for layer in layers or ():
            self._append(layer)
        self._build_if_known()

    @property
    def is_functional(self) -> bool:
        return False

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the InputLayer."""
        return [layer for layer in self._layers if not isinstance(layer, InputLayer)]

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError(f"{self._op}: `layers` can't be set. Use `add()` and `pop()`.")

    @property
    def operations(self) -> list[Any]:
        return self.layers

    def add(self, layer: Layer | KerasTensor) -> None:
        """Puts a layer behind the others; a layer that is refused leaves the model as it was.

        Raises:
            TypeError: if it isn't a layer.
            ValueError: if its name is taken or it doesn't fit.
        """
        before = list(self._layers), list(self._chain), self._graph, self.built
        try:
            self._append(layer)
            self._build_if_known()
        except Exception:
            self._layers, self._chain, self._graph, self.built = before
            raise

    def pop(self) -> Layer:
        """Takes the last layer away and returns it."""
        if not self.layers:
            raise ValueError(f"{self._op}.pop: there is no layer to take away from {self.name!r}.")
        layer = self._layers.pop()
        if self._chain:
            self._chain.pop()
            self._graph = Graph(self._op, self._chain[0], self._chain[-1])
        return layer

    def build(self, input_shape: Any) -> None:
        if not self._chain:
            first = self._layers[0] if self._layers else None
            stated = first if isinstance(first, InputLayer) else InputLayer(batch_shape=input_shape)
            self._chain = [stated.output]
        for layer in self.layers[len(self._chain) - 1 :]:
            self._chain.append(layer(self._chain[-1]))
        self._graph = Graph(self._op, self._chain[0], self._chain[-1])

    def call(self, inputs: Any, **kwargs: Any) -> Any:
        layers = self._layers
        if layers and self._graph is not None and not isinstance(inputs, list | dict):
            # As its first layer takes it, which is mostly the InputLayer.
            inputs = layers[0](inputs) if isinstance(layers[0], InputLayer) else layers[0]._taken("inputs", inputs)
            results = self._run_program([inputs])
            return (self._graph.run([inputs]) if results is None else results)[0]
        for layer in layers:
            inputs = layer(inputs)
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        for layer in self._layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        from pyconv.saving import serialize_keras_object  # noqa: PLC0415 - so that `import pyconv` stays light

        config = super(Model, self).get_config() | {"layers": [serialize_keras_object(each) for each in self._layers]}
        return config | {"build_input_shape": self.input_shape} if self.built else config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Sequential:
        """A new model made from what `get_config` returned, without its weights.

        Args:
            config: the model's configuration; that of a Sequential of Keras serves too.
            custom_objects: the classes of layers that aren't pyconv's, by their names.

        Raises:
            ValueError: if it names a class that isn't known.
        """
        from pyconv.saving import custom_object_scope, deserialize_keras_object  # noqa: PLC0415 - see get_config

        with custom_object_scope(custom_objects or {}):
            layers = [deserialize_keras_object(entry) for entry in config["layers"]]
        model = cls(layers, trainable=config.get("trainable", True), name=config.get("name"))
        if not model.built and config.get("build_input_shape"):
            model.build(config["build_input_shape"])
        return model

    def _append(self, layer: Layer | KerasTensor) -> None:
        if isinstance(layer, KerasTensor) and layer.node is not None:
            layer = layer.node.operation  # `Input` gives a tensor
        if not isinstance(layer, Layer):
            raise TypeError(f"{self._op}: a model is made of layers. Received: {layer!r}.")
        if any(layer.name == other.name for other in self._layers):
            raise ValueError(
                f"{self._op}: All layers added to a Sequential model should have unique names. "
                f"Received: name={layer.name!r}."
            )
        if not self._layers and layer.input_shape is not None and not isinstance(layer, InputLayer):
            self._layers.append(InputLayer(batch_shape=layer.input_shape, dtype=layer.dtype))
        self._layers.append(layer)

    def _build_if_known(self) -> None:
        shape = self.input_shape
        if self._layers and isinstance(self._layers[0], InputLayer):
            shape = self._layers[0].batch_shape
        if shape is not None:
            self.built = False  # layers that have their weights already keep them
            self.build(shape)
