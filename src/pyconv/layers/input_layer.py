"""InputLayer: states the shape of a model's input and checks it. Computes nothing."""

from __future__ import annotations

from typing import Any

from pyconv import symbolic
from pyconv.gradient import Array
from pyconv.layers.layer import Layer, Shape, shape_tuple
from pyconv.symbolic import KerasTensor


class InputLayer(Layer):
    """Stands first in a model and says what goes in, so that the model has its weights from the start.

    Args:
        shape: one sample's shape, without the batch axis; None where any size will do.
        batch_size: the number of samples in every batch, None for any.
        dtype: dtype that inputs are converted to, "float32" by default.
        sparse: not supported, like ragged.
        ragged: see sparse.
        batch_shape: the shape with its batch axis, instead of shape and batch_size.
        name: the layer's name.
        optional: not supported.

    Raises:
        ValueError: if neither or both of shape and batch_shape are given, or a size is less than 1.

    Example:
    >>> from pyconv import Sequential, layers
    >>> model = Sequential([layers.Input((28, 28, 1)), layers.Conv2D(32, 3)])
    >>> model.output_shape
    (None, 26, 26, 32)
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        name: str | None = None,
        optional: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, dtype=dtype, **kwargs)
        what = ""
        if shape is None and batch_shape is None:
            what = "You must pass a `shape` argument."
        elif shape is not None and batch_shape is not None:
            what = "You cannot pass both `shape` and `batch_shape` at the same time."
        elif batch_size is not None and batch_shape is not None:
            what = "You cannot pass both `batch_size` and `batch_shape` at the same time."
        if what:
            raise ValueError(f"{self._op}: {what} Received: {shape=}, {batch_size=}, {batch_shape=}.")
        if shape is not None:
            batch_shape = (batch_size, *shape_tuple(self._op, "shape", shape, minimum=1))
        self.batch_shape = shape_tuple(self._op, "batch_shape", batch_shape, minimum=1)
        if sparse or ragged or optional:
            raise ValueError(
                f"{self._op}: an input must be dense and given. Received: {sparse=}, {ragged=}, {optional=}."
            )
        self.sparse = self.ragged = self.optional = False
        self.build(self.batch_shape)
        symbolic.connect(self, (), {}, KerasTensor(self.batch_shape, self.dtype, name=self.name))

    def check_input_shape(self, shape: Shape) -> None:
        fits = len(shape) == len(self.batch_shape) and all(
            expected in (None, size) for expected, size in zip(self.batch_shape, shape, strict=True)
        )
        if not fits:
            raise ValueError(
                f"{self._op}: inputs are incompatible with the layer {self.name!r}: "
                f"expected shape={self.batch_shape}, found shape={shape}. Received: inputs.shape={shape}."
            )

    def call(self, x: Array) -> Array:
        return x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        config = {"batch_shape": self.batch_shape, "dtype": self.dtype, "sparse": False, "ragged": False}
        return config | {"name": self.name, "optional": False}


def Input(  # noqa: N802 - Keras' name
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: None = None,
    optional: bool = False,
) -> KerasTensor:
    """The symbolic tensor that a model begins with; see `InputLayer` for the arguments. tensor must be None.

    Example:
    >>> from pyconv import Input, Model, layers
    >>> x = Input((28, 28, 1))
    >>> y = layers.Conv2D(8, 3)(x)
    >>> Model(x, y * 2).output_shape
    (None, 26, 26, 8)
    """
    if tensor is not None:
        raise ValueError(f"Input: tensor must be None, a model begins with new ones. Received: tensor={tensor!r}.")
    begun: KerasTensor = InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, name, optional).output
    return begun
