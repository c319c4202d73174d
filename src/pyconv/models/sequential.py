"""Sequential: a model whose layers follow one another. How it is trained is in training.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pyconv import layers
from pyconv.gradient import Array
from pyconv.layers.input_layer import InputLayer
from pyconv.layers.layer import Layer, Shape
from pyconv.models.summary import summary_text
from pyconv.models.training import Trainer


class Sequential(Trainer):
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

    def __init__(self, layers: Iterable[Layer] | None = None, trainable: bool = True, name: str | None = None) -> None:
        super().__init__(name=name, trainable=trainable)
        self._layers: list[Layer] = []
        for layer in layers or ():
            self._append(layer)
        self._build_if_known()

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the InputLayer."""
        return [layer for layer in self._layers if not isinstance(layer, InputLayer)]

    def add(self, layer: Layer) -> None:
        """Puts a layer behind the others; a layer that is refused leaves the model as it was.

        Raises:
            TypeError: if it isn't a layer.
            ValueError: if its name is taken or it doesn't fit.
        """
        before, built = list(self._layers), self.built
        try:
            self._append(layer)
            self._build_if_known()
        except Exception:
            self._layers, self.built = before, built
            raise

    def pop(self) -> Layer:
        """Takes the last layer away and returns it."""
        if not self.layers:
            raise ValueError(f"{self._op}.pop: there is no layer to take away from {self.name!r}.")
        return self._layers.pop()

    def build(self, input_shape: Shape) -> None:
        shape = input_shape
        for layer in self._layers:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, x: Array, training: bool = False) -> Array:
        for layer in self._layers:
            x = layer(x, training=training)
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        for layer in self._layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by its name or by its place in `layers`.

        Raises:
            ValueError: if there is none, or not exactly one of name and index is given.
        """
        if (name is None) == (index is None):
            raise ValueError(f"{self._op}.get_layer: give a name or an index. Received: name={name}, index={index}.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    f"{self._op}.get_layer: index must be that of one of {len(layers)} layers. Received: index={index}."
                )
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(
            f"{self._op}.get_layer: there is no layer of that name, only {[layer.name for layer in layers]}. "
            f"Received: name={name!r}."
        )

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], object] | None = None,
    ) -> None:
        """Prints a table of the layers, the shapes they give and how many parameters they have.

        Args:
            line_length: width of the table, 80 by default.
            positions: where the three columns end, in parts of the line.
            print_fn: is given the text instead of `print`.
        """
        (print_fn or print)(summary_text(self, line_length, positions))

    def output_shapes(self) -> list[Shape | None]:
        """The shape that each of `layers` gives, None for all while the input's shape isn't known."""
        if not self.built or self.input_shape is None:
            return [None] * len(self.layers)
        shapes: list[Shape | None] = []
        shape = self.input_shape
        for layer in self.layers:
            shape = layer.compute_output_shape(shape)
            shapes.append(shape)
        return shapes

    def get_config(self) -> dict[str, Any]:
        layers = [{"class_name": type(layer).__name__, "config": layer.get_config()} for layer in self._layers]
        return {"name": self.name, "trainable": self.trainable, "layers": layers}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, type[Layer]] | None = None) -> Sequential:
        """A new model made from what `get_config` returned, without its weights.

        Args:
            config: the model's configuration.
            custom_objects: the classes of layers that aren't pyconv's, by their names.

        Raises:
            ValueError: if it names a class that isn't known.
        """
        known = {name: getattr(layers, name) for name in layers.__all__} | {"Sequential": Sequential}
        known |= custom_objects or {}
        made = []
        for entry in config["layers"]:
            if entry["class_name"] not in known:
                raise ValueError(
                    f"Sequential.from_config: a layer of one's own must be given in custom_objects. "
                    f"Received: class_name={entry['class_name']!r}."
                )
            made.append(known[entry["class_name"]].from_config(entry["config"]))
        return cls(made, trainable=config["trainable"], name=config["name"])

    def _append(self, layer: Layer) -> None:
        if not isinstance(layer, Layer):
            raise TypeError(f"{self._op}: a model is made of layers. Received: {layer!r}.")
        if any(layer.name == other.name for other in self._layers):
            raise ValueError(f"{self._op}: two layers must not have the same name. Received: name={layer.name!r}.")
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
