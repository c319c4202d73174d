"""Model: layers that are trained together. The base of Sequential, of functional models and of models of one's own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pyconv import ops, symbolic, tree
from pyconv.gradient import Array
from pyconv.layers.layer import Layer
from pyconv.models.graph import Graph
from pyconv.models.inference import Inference
from pyconv.models.outputs import written
from pyconv.models.summary import summary_text
from pyconv.symbolic import KerasTensor


class Model(Inference):
    """Layers that are trained together.

    Made in one of two ways: from symbolic tensors, `Model(inputs, outputs)`; or as a class of one's own, with the
    layers as attributes and a `call` that uses them.

    Args:
        inputs: a KerasTensor, as `Input` gives it, or a list, tuple or dictionary of them.
        outputs: a KerasTensor computed from them, or a structure of such.
        name: the model's name.
        trainable: whether `fit` updates the weights.

    Raises:
        TypeError: if inputs or outputs aren't KerasTensors.
        ValueError: if an output needs something that isn't among the inputs, or two layers have the same name.

    Example:
    >>> import numpy as np
    >>> from pyconv import Input, Model, layers
    >>> x = Input((8, 8, 3))
    >>> y = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    >>> y = layers.Conv2D(3, 3, padding="same")(y) + x
    >>> model = Model(x, layers.GlobalAveragePooling2D()(y))
    >>> model.predict(np.zeros((2, 8, 8, 3))).shape
    (2, 3)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Model:
        from pyconv.models.functional import Functional  # noqa: PLC0415 - which derives from this class

        functional = cls is Model and (args or "inputs" in kwargs or "outputs" in kwargs)
        return super().__new__(Functional if functional else cls)

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        *,
        trainable: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, trainable=trainable, **kwargs)
        if (inputs is None) != (outputs is None):
            raise ValueError(f"{self._op}: give both inputs and outputs, or neither. Received: {inputs=}, {outputs=}.")
        self._graph: Graph | None = None
        self._layers: list[Layer] = []
        if inputs is not None:
            self._connect(Graph(self._op, inputs, outputs))

    def _connect(self, graph: Graph) -> None:
        """Makes a graph what the model computes."""
        self._graph = graph
        self._layers = [operation for operation in graph.operations if isinstance(operation, Layer)]
        self.input_shape = tree.map_structure(lambda tensor: tensor.shape, graph.inputs)
        self.built = True

    @property
    def is_functional(self) -> bool:
        """Whether the model was made from symbolic inputs and outputs."""
        return self._graph is not None

    @property
    def layers(self) -> list[Layer]:
        """The layers: in a functional model those farthest from the outputs first, in others in order of creation."""
        return list({id(layer): layer for layer in self._parts()}.values())

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError(
            f"{self._op}: `Model.layers` attribute is reserved for the layers that the model finds by itself. Give the "
            "attribute another name."
        )

    @property
    def operations(self) -> list[Any]:
        """The layers and, in a functional model, the operations between them."""
        return self.layers if self._graph is None else list(self._graph.operations)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs."""
        return list(self._defined("inputs").flat_inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs."""
        return list(self._defined("outputs").flat_outputs)

    @property
    def input(self) -> Any:
        """The symbolic input, or the structure of them that the model was made with."""
        return self._defined("input").inputs

    @property
    def output(self) -> Any:
        """The symbolic output, or the structure of them that the model was made with."""
        return self._defined("output").outputs

    @property
    def input_names(self) -> list[str]:
        return [tensor.name for tensor in self.inputs]

    @property
    def output_names(self) -> list[str]:
        return [tensor.node.operation.name if tensor.node else tensor.name for tensor in self.outputs]

    def build(self, input_shape: Any) -> None:
        """Makes the weights for inputs of this shape: a model of one's own runs once, on ones."""
        if type(self).call is not Model.call:
            symbolic.infer(self._call_unbuilt, (symbolic.tensors(input_shape, self.dtype),), {})

    def __call__(self, inputs: Any, *args: Any, training: bool | None = None, out: Any = None, **kwargs: Any) -> Any:
        """The outputs for inputs, in new arrays or in `out`.

        Args:
            inputs: an array (N, ...), a KerasTensor, or a structure of them for a model of several inputs.
            *args: for `call` of a model of one's own.
            training: whether the layers behave as in training; by default as the call around this one says, or not.
            out: arrays that the outputs are written to, in their structure: C-contiguous, of their shapes and dtypes.
                Calls with inputs of a shape that has been seen then allocate no arrays. A model of one's own gets it
                in `call`.
            **kwargs: for `call` of a model of one's own.

        Raises:
            TypeError: if inputs aren't numbers, or out isn't arrays.
            ValueError: if inputs don't fit the model or out the results, or out is given while a Tape records.

        Example:
        >>> import numpy as np
        >>> from pyconv import Sequential, layers
        >>> model = Sequential([layers.Input((8, 8, 3)), layers.Conv2D(4, 3)])
        >>> out = np.empty((2, 6, 6, 4), np.float32)
        >>> model(np.zeros((2, 8, 8, 3), np.float32), out=out) is out
        True
        """
        if self._programs is not None and type(inputs) is np.ndarray and not (training or args or kwargs):
            y = self._programs.run_one(inputs, training, out)
            if y is not None:
                return y
        if out is None:
            return super().__call__(inputs, *args, training=training, **kwargs)
        if self._graph is None:
            return super().__call__(inputs, *args, training=training, out=out, **kwargs)
        return written(self._op, out, super().__call__(inputs, *args, training=training, **kwargs), inputs)

    def call(self, inputs: Any, **kwargs: Any) -> Any:
        if self._graph is None:
            raise NotImplementedError(f"{self._op}: a model of one's own must define call(self, inputs).")
        arrays = self._flat_inputs(inputs)
        results = self._run_program(arrays)
        if results is None:
            results = self._graph.run(arrays)
        return _alone(tree.pack_sequence_as(self._graph.outputs, results))

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._graph is None:
            return super().compute_output_shape(input_shape)
        shapes = self._graph.output_shapes(symbolic.flat_shapes(input_shape))
        return _alone(tree.pack_sequence_as(self._graph.outputs, shapes))

    def check_input_shape(self, shape: Any) -> None:
        if self._graph is None:
            super().check_input_shape(shape)

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
            f"{self._op}.get_layer: No such layer: {name!r}. Existing layers are: {[layer.name for layer in layers]}."
        )

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], object] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
    ) -> None:
        """Prints a table of the layers, the shapes they give, how many parameters they have and what they follow.

        Args:
            line_length: width of the table.
            positions: where the columns end, in parts of the line.
            print_fn: is given the text instead of `print`.
            expand_nested: whether the layers of models within the model get rows.
            show_trainable: whether a column says what `fit` updates.
        """
        (print_fn or print)(summary_text(self, line_length, positions, expand_nested, show_trainable))

    def to_json(self, **kwargs: Any) -> str:
        """The model's structure without its weights as text; `pyconv.models.model_from_json` reads it.

        Args:
            **kwargs: for `json.dumps`.
        """
        from pyconv.saving import serialize_keras_object  # noqa: PLC0415 - so that `import pyconv` stays light

        return json.dumps(serialize_keras_object(self), **kwargs)

    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True, *, include_optimizer: bool = True) -> None:
        """Writes the whole model to a file; see `pyconv.saving.save_model`."""
        from pyconv.saving import save_model  # noqa: PLC0415 - so that `import pyconv` stays light

        save_model(self, filepath, overwrite, include_optimizer)

    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Writes the weights to a file; see `pyconv.saving.save_weights`."""
        from pyconv.saving import save_weights  # noqa: PLC0415 - see save

        save_weights(self, filepath, overwrite)

    def load_weights(
        self, filepath: str | os.PathLike[str], skip_mismatch: bool = False, *, by_name: bool = False
    ) -> None:
        """Reads the weights from a file; see `pyconv.saving.load_weights`."""
        from pyconv.saving import load_weights  # noqa: PLC0415 - see save

        load_weights(self, filepath, skip_mismatch, by_name)

    def load_torch_state_dict(self, state: Any) -> None:
        """Takes the weights of PyTorch's modules; see `pyconv.saving.load_torch_state_dict`."""
        from pyconv.saving import load_torch_state_dict  # noqa: PLC0415 - see save

        load_torch_state_dict(self, state)

    def get_config(self) -> dict[str, Any]:
        if self._graph is None:
            return super().get_config()
        from pyconv.models.functional_config import functional_config  # noqa: PLC0415 - so that `import` stays light

        return functional_config(self, self._graph)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Model:
        """A new model made from what `get_config` returned, without its weights.

        Args:
            config: the model's configuration; that of a functional model of Keras serves too.
            custom_objects: classes and functions that aren't pyconv's, by their names.

        Raises:
            ValueError: if it names a class that isn't known.
        """
        if "input_layers" in config:
            from pyconv.models.functional_config import from_functional_config  # noqa: PLC0415 - see get_config

            model: Model = from_functional_config(cls, config, custom_objects)
            return model
        return cls(**config)

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_programs": None}  # which hold memory of this process

    def _output_names(self) -> list[str]:
        return [] if self._graph is None else self.output_names

    def _build_for(self, shapes: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if type(self).build is Model.build:  # the call that is about to run makes the weights
            self.built, self.input_shape = True, shapes
        else:
            super()._build_for(shapes, args, kwargs)

    def _call_unbuilt(self, inputs: Any) -> Any:
        # Not through __call__, which would build first; the flag lets `build` of the layers inside go on as always.
        return self._run(self._taken("inputs", inputs), (), {}, training=False)

    def _defined(self, what: str) -> Graph:
        if self._graph is None:
            raise AttributeError(f"{self._op}: the model {self.name!r} has no defined {what} yet.")
        return self._graph

    def _flat_inputs(self, inputs: Any) -> list[Array]:
        """The given arrays in the order of the graph's inputs, each checked by its InputLayer."""
        graph = self._defined("inputs")
        if isinstance(inputs, dict) and not isinstance(graph.inputs, dict):
            missing = [name for name in self.input_names if name not in inputs]
            if missing:
                raise ValueError(f"{self._op}: inputs must have a value for each input. Missing: {missing}.")
            flat = [inputs[name] for name in self.input_names]
        else:
            if isinstance(inputs, dict):
                inputs = {name: inputs[name] for name in graph.inputs if name in inputs}
            flat = tree.flatten(inputs)
        if len(flat) != len(graph.flat_inputs):
            raise ValueError(
                f"{self._op}: the model {self.name!r} expects {len(graph.flat_inputs)} input(s), "
                f"{self.input_names}. Received: {len(flat)} input(s)."
            )
        return [_checked(tensor, array) for tensor, array in zip(graph.flat_inputs, flat, strict=True)]


def _alone(outputs: Any) -> Any:
    """A list's only item instead of the list, as Keras gives it; a shape is a tuple."""
    return outputs[0] if isinstance(outputs, list) and len(outputs) == 1 else outputs


def _checked(tensor: KerasTensor, array: Array) -> Array:
    """The array as the InputLayer takes it, with an axis of size one put in or left out at the end as Keras does."""
    if len(array.shape) == tensor.ndim - 1 and tensor.shape[-1] == 1:
        array = ops.reshape(array, (*array.shape, 1))
    elif len(array.shape) == tensor.ndim + 1 and array.shape[-1] == 1:
        array = ops.reshape(array, array.shape[:-1])
    if tensor.node is None or tensor.node.inputs:  # not an InputLayer's
        return array
    checked: Array = tensor.node.operation(array)
    return checked
