"""Dropout: noise against overfitting while training, nothing afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyconv import ops, random
from pyconv.arguments import real_number
from pyconv.gradient import Array
from pyconv.layers.layer import Layer, Shape, shape_tuple


class Dropout(Layer):
    """Sets a random part of its inputs to zero while training and scales the rest by 1 / (1 - rate).

    Args:
        rate: the probability of being dropped, 0 to 1.
        noise_shape: shape of the random mask, spread over the input by broadcasting, e.g. (None, 1, 1, 1) to drop
            whole images' channels alike; None stands for the input's size, alone or in the tuple.
        seed: an integer for masks of the layer's own; None draws from the generator that `pyconv.seed` sets.
        **kwargs: name, dtype, trainable, input_shape.

    Raises:
        ValueError: if rate isn't in 0..1 or noise_shape doesn't fit the input.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import Dropout
    >>> y = Dropout(0.5, seed=1)(np.ones((100, 100)), training=True)
    >>> sorted({float(value) for value in y.ravel()})
    [0.0, 2.0]
    """

    supports_masking = True

    def __init__(self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = real_number(self._op, "rate", rate, 0, 1)
        self.noise_shape = None if noise_shape is None else shape_tuple(self._op, "noise_shape", noise_shape, minimum=1)
        self.seed = seed
        self._generator = None if seed is None else random.seeded(self._op, seed)

    def call(self, x: Array, training: bool = False) -> Array:
        if not training or self.rate == 0:
            return x
        scale = 1 / (1 - self.rate) if self.rate < 1 else 0.0
        return ops.multiply(x, np.broadcast_to(self.kept(x) * scale, x.shape))

    def kept(self, x: Array) -> Array:
        """A one for each number that is kept and a zero for each that is dropped, in noise_shape."""
        generator = random.generator() if self._generator is None else self._generator
        chosen = generator.random(self._mask_shape(x.shape), dtype=np.float32) >= self.rate
        ones: Array = chosen.astype(x.dtype)
        return ones

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"rate": self.rate, "noise_shape": self.noise_shape, "seed": self.seed}

    def _mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if self.noise_shape is None:
            return shape
        if len(self.noise_shape) != len(shape):
            raise ValueError(
                f"{self._op}: noise_shape must have one size for each axis of inputs. "
                f"Received: noise_shape={self.noise_shape}, inputs.shape={shape}."
            )
        sizes = tuple(size if noise is None else noise for noise, size in zip(self.noise_shape, shape, strict=True))
        if any(noise not in (1, size) for noise, size in zip(sizes, shape, strict=True)):
            raise ValueError(
                f"{self._op}: noise_shape must be 1 or the input's size on each axis. "
                f"Received: noise_shape={self.noise_shape}, inputs.shape={shape}."
            )
        return sizes
