"""Steps of a program on elements and rows, against the same functions of the core on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from arrays import Array, normal
from pyconv import _core

FLOAT = 4
PIXELS, CHANNELS = 35, 20
BYTES = PIXELS * CHANNELS * FLOAT
SHAPE = (1, PIXELS, CHANNELS)
INPUT, OUTPUT = 2, 3  # buffers of a program with one of each
Place = tuple[int, int, int]


def run(add: Any, x: Array, size: int, rounds: int = 1, arena: int = 4 * BYTES) -> Array:
    """The output, so many numbers a round, of the program whose steps add(builder, its input's place, ...) adds."""
    builder = _core.ProgramBuilder([x.nbytes // rounds], [size * FLOAT], arena)
    add(builder, (INPUT, 0, 0), (OUTPUT, 0, 0))
    y = np.full((rounds, size), np.nan, np.float32)
    builder.build().run([x], [y], rounds)
    return y


def test_a_chain_of_places_and_numbers(isa: str, threads: int) -> None:
    rng = np.random.default_rng(2)
    x, scale = normal(rng, (3, PIXELS, CHANNELS)), normal(rng, (CHANNELS,))
    links: list[Any] = [("mul", "channels", 0.0, 0.0), ("add", "tensor", 0.0, 0.0), ("silu", "none", 0.0, 0.0)]
    chain = _core.Chain("float32", *SHAPE, links)

    def add(builder: Any, src: Place, dst: Place) -> None:
        builder.chain(chain, src, (0, 64, 0), [scale, src])
        builder.chain(chain, (0, 64, 0), dst, [scale, src])

    y = run(add, x, PIXELS * CHANNELS, rounds=3)
    for image, result in zip(x[:, None], y, strict=True):
        once = chain.run(image, [scale, image])
        np.testing.assert_array_equal(result, chain.run(once, [scale, image]).ravel())


def test_a_chain_into_every_other_place(isa: str, rng: np.random.Generator) -> None:
    """What concatenation makes of it: pixels twice as far apart, two chains side by side."""
    x = normal(rng, SHAPE)
    relu, exp = (
        _core.Chain("float32", *SHAPE, [(op, "none", 0.0, 0.0)], dst_stride=2 * CHANNELS) for op in ("relu", "exp")
    )

    def add(builder: Any, src: Place, dst: Place) -> None:
        builder.chain(relu, src, dst)
        builder.chain(exp, src, (OUTPUT, CHANNELS * FLOAT, 0))

    y = run(add, x, 2 * PIXELS * CHANNELS).reshape(PIXELS, 2, CHANNELS)
    np.testing.assert_array_equal(y[:, 0], np.maximum(x[0], 0))
    np.testing.assert_array_equal(y[:, 1], _core.element("exp", x)[0])


def test_rows_and_other_sizes(isa: str, rng: np.random.Generator) -> None:
    x, scale = normal(rng, SHAPE), normal(rng, (CHANNELS,))
    taps = rng.integers(0, 5, (9, 2)), rng.uniform(size=(9, 2))
    plan = _core.Resampling("float32", 1, 7, 5, CHANNELS, (taps[0], taps[1]), taps)

    def add(builder: Any, src: Place, dst: Place) -> None:
        builder.row_normalize(PIXELS, CHANNELS, True, 1e-3, scale, None, src, (0, 0, 0))
        builder.softmax(PIXELS, CHANNELS, (0, 0, 0), (0, 0, 0))
        builder.resample(plan, (0, 0, 0), dst)

    right = _core.softmax(_core.row_normalize(x, True, 1e-3, scale)).reshape(1, 7, 5, CHANNELS)
    np.testing.assert_array_equal(run(add, x, 81 * CHANNELS).ravel(), plan.run(right).ravel())


def test_what_does_not_fit() -> None:
    builder = _core.ProgramBuilder([BYTES], [BYTES], BYTES)
    links: list[Any] = [("mul", "channels", 0.0, 0.0)]
    chain, src, dst = _core.Chain("float32", *SHAPE, links), (INPUT, 0, 0), (OUTPUT, 0, 0)
    scale = np.ones(CHANNELS, np.float32)
    for operands in ([], [scale[:-1]], [scale, scale], [(0, BYTES, 0)]):
        with pytest.raises(ValueError, match="Program"):
            builder.chain(chain, src, dst, operands)
    with pytest.raises(ValueError, match="float32"):
        builder.chain(_core.Chain("float64", *SHAPE, links), src, dst, [scale])
    for step in (
        lambda: builder.chain(chain, src, (OUTPUT, 4, 0), [scale]),
        lambda: builder.softmax(PIXELS + 1, CHANNELS, src, dst),
        lambda: builder.softmax(2**40, 2**40, src, dst),
        lambda: builder.row_normalize(PIXELS, CHANNELS, True, 0.0, scale[:-1], None, src, dst),
    ):
        with pytest.raises(ValueError, match="Program"):
            step()
