"""What the fuzzer asks of layers: drawn arguments, beside the operations that they stand for. Not of networks.

A layer is compared with its operation on the same weights to the last bit, on hostile arrays; so is the layer that its
configuration describes, on the same numbers in plain memory.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

import pyconv
from fuzz.hostile_arrays import Array, arrays
from pyconv import activations, layers, ops

KERNELS = (
    *(f"Conv{rank}D" for rank in (1, 2, 3)),
    *(f"Conv{rank}DTranspose" for rank in (1, 2, 3)),
    *(f"{kind}Conv{rank}D" for kind in ("Depthwise", "Separable") for rank in (1, 2)),
)
POOLS = tuple(f"{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3))
ACTIVATIONS = (None, "relu", "relu6", "leaky_relu", "tanh", "silu", "gelu", "sigmoid")


class LayerCase(NamedTuple):
    """A layer's class, the arguments of its constructor, and its input."""

    name: str
    arguments: dict[str, Any]
    x: Array

    def layer(self) -> layers.Layer:
        pyconv.random.seed(1)
        return getattr(layers, self.name)(**self.arguments)  # type: ignore[no-any-return]


def rank_of(name: str) -> int:
    return int(next(letter for letter in name if letter.isdigit()))


def arguments(draw: st.DrawFn, name: str, channels: int, data_format: str) -> dict[str, Any]:
    """Arguments of a constructor; the output may turn out to be empty, which the layer must say."""
    rank = rank_of(name)

    def each(most: int) -> Any:
        """One number, or one an axis."""
        numbers = st.integers(1, most)
        return draw(st.one_of(numbers, st.tuples(*(numbers,) * rank)))

    pads = st.tuples(*(st.tuples(st.integers(0, 2), st.integers(0, 2)),) * rank)
    given = {"padding": draw(st.sampled_from(("valid", "same", "SAME"))), "data_format": data_format}
    if name in POOLS:
        return given | {"pool_size": each(3), "strides": each(3) if draw(st.booleans()) else None}
    given |= {"kernel_size": each(4), "strides": each(3), "dilation_rate": each(2)}
    given |= {"use_bias": draw(st.booleans()), "activation": draw(st.sampled_from(ACTIVATIONS))}
    if name.endswith("Transpose"):
        return given | {"filters": draw(st.integers(1, 9))}
    if draw(st.booleans()):
        given["padding"] = "causal" if name == "Conv1D" else draw(pads)
    if name.startswith(("Depthwise", "Separable")):
        given["depth_multiplier"] = draw(st.integers(1, 3))
        return given | ({"filters": draw(st.integers(1, 9))} if name.startswith("Separable") else {})
    groups = draw(st.sampled_from([n for n in range(1, channels + 1) if channels % n == 0]))
    return given | {"groups": groups, "filters": groups * draw(st.integers(1, 9))}


def by_operation(case: LayerCase, weights: list[Array], x: Array) -> Array:
    """What the layer with these weights should give."""
    given = dict(case.arguments)
    rank, activation = rank_of(case.name), given.pop("activation", None)
    for argument in ("filters", "groups", "depth_multiplier", "kernel_size", "dtype"):
        given.pop(argument, None)
    if case.name in POOLS:
        return (ops.max_pool if case.name.startswith("Max") else ops.average_pool)(x, **given)  # type: ignore[operator,no-any-return]
    if given["padding"] == "causal":
        dilation = np.broadcast_to(given["dilation_rate"], rank)[0]
        given["padding"] = (((weights[0].shape[0] - 1) * dilation, 0),)
    bias = weights.pop() if given.pop("use_bias") else None
    family = case.name.replace(f"Conv{rank}D", "")
    op = {
        "": ops.conv,
        "Depthwise": ops.depthwise_conv,
        "Separable": ops.separable_conv,
        "Transpose": ops.conv_transpose,
    }
    y: Array = op[family](x, *weights, **given, bias=bias)  # type: ignore[operator]
    return np.asarray(activations.get(activation)(y))


@st.composite
def _cases(draw: st.DrawFn) -> LayerCase:
    name = draw(st.sampled_from((*KERNELS, *POOLS)))
    data_format = draw(st.sampled_from(("channels_last", "channels_first")))
    channels = draw(st.integers(1, 9))
    size = tuple(draw(st.integers(1, 9)) for _ in range(rank_of(name)))
    shape = (*size, channels) if data_format == "channels_last" else (channels, *size)
    given = arguments(draw, name, channels, data_format)
    given["dtype"] = draw(st.sampled_from(("float32", "float64")))
    return LayerCase(name, given, draw(arrays(shape=(draw(st.integers(0, 2)), *shape), kinds=("whole", "normal"))))


CASES = _cases()


def check(case: LayerCase) -> str:
    """Raises AssertionError where layer and operation differ; says whether the layer ran or refused its arguments."""
    layer, before = case.layer(), case.x.copy()
    try:
        y = layer(case.x)
    except ValueError as error:
        if not str(error).startswith(f"{case.name}: "):
            raise AssertionError(f"the layer isn't named: {error}") from error
        return "refused"
    np.testing.assert_array_equal(case.x, before)
    assert y.dtype == case.arguments["dtype"]
    assert y.shape == layer.compute_output_shape(case.x.shape)
    plain = before.astype(case.arguments["dtype"], order="C")
    np.testing.assert_array_equal(by_operation(case, layer.get_weights(), plain), y)
    again = type(layer).from_config(layer.get_config())
    again.build(plain.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(plain), y)
    return "ran"
