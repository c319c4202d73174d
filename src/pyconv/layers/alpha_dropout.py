"""AlphaDropout: dropout that keeps mean and variance, for networks of selu."""

from __future__ import annotations

from pyconv import ops
from pyconv.gradient import Array
from pyconv.layers.dropout import Dropout
from pyconv.ops.gated import SELU_ALPHA, SELU_SCALE


class AlphaDropout(Dropout):
    """Sets a random part of its inputs to what selu makes of very negative numbers, and keeps mean and variance.

    With s = -1.7581, selu's limit, and r the rate: y = a * (x or s) + b, where a = ((1 - r) * (1 + r * s**2)) ** -0.5
    and b = -a * r * s. Klambauer et al., Self-Normalizing Neural Networks, 2017.

    Args:
        rate: the probability of being dropped, 0 to 1; where all are dropped the result is 0.
        noise_shape: as in `Dropout`.
        seed: as in `Dropout`.
        **kwargs: name, dtype, trainable, input_shape.

    Raises:
        ValueError: if rate isn't in 0..1 or noise_shape doesn't fit the input.

    Example:
    >>> import numpy as np
    >>> from pyconv.layers import AlphaDropout
    >>> y = AlphaDropout(0.3, seed=1)(np.random.default_rng(1).standard_normal((1000, 100)), training=True)
    >>> bool(abs(y.mean()) < 0.02), bool(abs(y.std() - 1) < 0.02)
    (True, True)
    """

    def call(self, x: Array, training: bool = False) -> Array:
        if not training or self.rate == 0:
            return x
        if self.rate == 1:
            return ops.multiply(x, 0)
        limit = -SELU_ALPHA * SELU_SCALE
        scale = ((1 - self.rate) * (1 + self.rate * limit**2)) ** -0.5
        kept = self.kept(x)
        shift = scale * limit * (1 - kept) - scale * limit * self.rate
        return ops.add(ops.multiply(x, kept * x.dtype.type(scale)), shift.astype(x.dtype))
