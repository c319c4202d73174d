"""What the fuzzer asks of programs: small networks drawn at random, which run by their program and layer by layer.

Not of single layers: layer_cases.py. Layers follow each other, some beside a path that is added or concatenated.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

import pyconv
from fuzz import layer_cases
from fuzz.hostile_arrays import Array
from programs import assert_program_equals_layers, lively
from pyconv import Input, Model, config, layers


class NetworkCase(NamedTuple):
    """An input's shape without the batch, and the layers in turn, each with how it is joined to what it read."""

    shape: tuple[int, ...]
    steps: tuple[tuple[str, dict[str, Any], str], ...]
    batches: tuple[int, ...]
    precision: config.Precision


def _plain(draw: st.DrawFn, rank: int, axis: int, data_format: str) -> tuple[str, dict[str, Any]]:
    """A layer without a window, or with one that only moves numbers."""
    images = {"data_format": data_format}
    choices: list[tuple[str, dict[str, Any]]] = [
        ("BatchNormalization", {"axis": axis}),
        ("BatchNormalization", {"axis": axis, "scale": False}),
        ("LayerNormalization", {}),
        ("Activation", {"activation": draw(st.sampled_from(layer_cases.ACTIVATIONS[1:]))}),
        ("ReLU", {"max_value": 3.0, "negative_slope": 0.1}),
        ("PReLU", {"alpha_initializer": "ones"}),
        ("Dropout", {"rate": 0.5}),
        ("Rescaling", {"scale": 0.5, "offset": -1.0}),
        ("Dense", {"units": draw(st.integers(1, 9))}),
        (f"ZeroPadding{rank}D", {"padding": draw(st.integers(0, 2)), **images}),
        (f"Cropping{rank}D", {"cropping": draw(st.integers(0, 1)), **(images if rank > 1 else {})}),
        (f"UpSampling{rank}D", {"size": 2, **(images if rank > 1 else {})}),
        (f"GlobalAveragePooling{rank}D", {"keepdims": True, **images}),
    ]
    return draw(st.sampled_from(choices))


@st.composite
def _cases(draw: st.DrawFn) -> NetworkCase:
    rank = draw(st.sampled_from((1, 2, 2, 2, 3)))
    data_format = draw(st.sampled_from(("channels_last", "channels_last", "channels_first")))
    axis = -1 if data_format == "channels_last" or draw(st.booleans()) else 1
    channels = draw(st.integers(1, 20))
    size = tuple(draw(st.integers(1, 12)) for _ in range(rank))
    windows = [name for name in (*layer_cases.KERNELS, *layer_cases.POOLS) if layer_cases.rank_of(name) == rank]
    steps = []
    for _ in range(draw(st.integers(1, 6))):
        if draw(st.booleans()):
            name = draw(st.sampled_from(windows))
            step = name, layer_cases.arguments(draw, name, 1, data_format)
        else:
            step = _plain(draw, rank, axis, data_format)
        steps.append((*step, draw(st.sampled_from(("after", "after", "add", "multiply", "concatenate")))))
    shape = (*size, channels) if data_format == "channels_last" else (channels, *size)
    batches = tuple(draw(st.integers(0, 3)) for _ in range(2))
    return NetworkCase(shape, tuple(steps), batches, draw(st.sampled_from(("auto", "strict"))))


CASES = _cases()
_JOINTS = {"add": layers.Add, "multiply": layers.Multiply, "concatenate": layers.Concatenate}


def network(case: NetworkCase) -> tuple[Model, int]:
    """The model, and how many of its layers refused their place, as those do whose output would be empty."""
    pyconv.random.seed(1)
    x = y = Input(case.shape)
    refused = 0
    for name, arguments, joint in case.steps:
        try:
            after = getattr(layers, name)(**arguments)(y)
            y = after if joint == "after" or after.shape != y.shape else _JOINTS[joint]()([y, after])
        except ValueError as error:
            if not str(error).startswith(f"{name}: "):
                raise AssertionError(f"the layer isn't named: {error}") from error
            refused += 1
    model = Model(x, layers.Activation("tanh")(y) if y is x else y)
    lively(model)
    return model, refused


def check(case: NetworkCase) -> str:
    """Raises AssertionError where the program's results aren't those of the layers, or depend on the batch's size."""
    model, refused = network(case)
    before = config.get_precision()
    config.set_precision(case.precision)
    try:
        for batch in case.batches:
            x: Array = np.random.default_rng(batch).standard_normal((batch, *case.shape)).astype(np.float32)
            assert_program_equals_layers(model, x)
            if batch > 1:
                np.testing.assert_array_equal(model(x[1:]), model(x)[1:])
    finally:
        config.set_precision(before)
    return f"of {len(case.steps) - refused} layers"
