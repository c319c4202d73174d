"""Programs of the core, by themselves: the same bits as their steps one by one, and no place outside of the memory."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from arrays import Array, normal
from guards import Guarded, blank
from pyconv import _core

ARENA, KEPT, INPUT, OUTPUT = 0, 1, 2, 3
FLOAT = 4


def conv_plan(batch: int, size: int, channels: int, filters: int, activation: Any = "relu") -> _core.ConvPlan:
    pads = [(1, 1), (1, 1)]
    arguments = batch, channels, filters, 1, (size, size), (3, 3), (1, 1), (1, 1), pads
    return _core.ConvPlan("conv", "forward", "float32", *arguments, activation=activation)


def pool_plan(batch: int, size: int, channels: int) -> _core.PoolPlan:
    dense = (2, 2), (2, 2), (1, 1), [(0, 0), (0, 0)]
    return _core.PoolPlan("max_pool", "max", "float32", batch, channels, (size, size), *dense)


class Net:
    """A convolution 3-24, a max-pooling 2x2, a convolution 24-24 to which the pooling's result is added."""

    size, channels, filters = 20, 3, 24

    def __init__(self, rng: np.random.Generator) -> None:
        self.weights = [normal(rng, (3, 3, self.channels, 24)), normal(rng, (3, 3, 24, 24))]
        self.biases = [normal(rng, (24,)), normal(rng, (24,))]
        self.image = self.size**2 * 3 * FLOAT
        self.wide = self.size**2 * 24 * FLOAT
        self.result = self.wide // 4

    def plans(self, block: int) -> tuple[_core.ConvPlan, _core.PoolPlan, _core.ConvPlan]:
        half = self.size // 2
        return conv_plan(block, self.size, 3, 24), pool_plan(block, self.size, 24), conv_plan(block, half, 24, 24)

    def step_by_step(self, x: Array) -> Array:
        """One image after the other: Winograd may be chosen for more of them, and its rounding is another."""
        results = []
        for image in x[:, None]:
            first, pool, second = self.plans(1)
            half = pool.forward(first.run(image, self.weights[0], self.biases[0]))
            results.append(second.run(half, self.weights[1], self.biases[1], residual=half))
        return np.concatenate(results)

    def program(self, repeats: int = 1, share: Literal["auto", "steps", "repeats"] = "auto") -> _core.Program:
        first, pool, second = self.plans(1)
        inputs, outputs = [repeats * self.image], [repeats * self.result]
        builder = _core.ProgramBuilder(inputs, outputs, arena=self.wide + self.result)
        builder.section(repeats, share)
        wide, half = (ARENA, 0, 0), (ARENA, self.wide, 0)
        builder.conv(first, (INPUT, 0, self.image), first.pack(self.weights[0]), self.biases[0], wide)
        builder.pool(pool, wide, half)
        dst = OUTPUT, 0, self.result
        builder.conv(second, half, second.pack(self.weights[1]), self.biases[1], dst, residual=half)
        return builder.build()

    def in_sections(self, batch: int) -> _core.Program:
        """The first two steps image by image, the last one, whose inputs are kept, for all of them at once."""
        first, pool, _ = self.plans(1)
        _, _, last = self.plans(batch)
        inputs, outputs = [batch * self.image], [batch * self.result]
        builder = _core.ProgramBuilder(inputs, outputs, arena=self.wide, kept=batch * self.result)
        builder.section(batch)
        wide = ARENA, 0, 0
        builder.conv(first, (INPUT, 0, self.image), first.pack(self.weights[0]), self.biases[0], wide)
        builder.pool(pool, wide, (KEPT, 0, self.result))
        builder.section(1)
        half = KEPT, 0, 0
        builder.conv(last, half, last.pack(self.weights[1]), self.biases[1], (OUTPUT, 0, 0), residual=half)
        return builder.build()

    def run(self, program: _core.Program, x: Array, rounds: int) -> Array:
        src, dst = Guarded(x), blank((len(x), self.size // 2, self.size // 2, 24), np.float32)
        program.run([src.array], [dst.array], rounds)
        src.check()
        dst.check()
        return dst.array


@pytest.fixture
def net(rng: np.random.Generator) -> Net:
    return Net(rng)


@pytest.mark.parametrize("share", ["auto", "steps", "repeats"])
def test_a_program_gives_the_bits_of_its_steps(net: Net, share: Any, isa: str, rng: np.random.Generator) -> None:
    x = normal(rng, (5, net.size, net.size, 3))
    expected = net.step_by_step(x)
    before = _core.get_num_threads()
    try:
        for threads in (1, 2, 3):
            _core.set_num_threads(threads)
            for batch in range(6):
                rounds = net.run(net.program(1, share), x[:batch], batch)
                np.testing.assert_array_equal(rounds, expected[:batch])
            np.testing.assert_array_equal(net.run(net.program(5, share), x, 1), expected)
    finally:
        _core.set_num_threads(before)


def test_sections_leave_what_later_ones_read(net: Net, threads: int, rng: np.random.Generator) -> None:
    x = normal(rng, (6, net.size, net.size, 3))
    result = net.run(net.in_sections(3), x, 2)
    # The last step's plan is for 3 images here: Winograd or not, both sum the same products.
    np.testing.assert_allclose(result, net.step_by_step(x), rtol=1e-4, atol=1e-4)


def test_two_programs_alternate(net: Net, threads: int, rng: np.random.Generator) -> None:
    """Their memory is the same between runs, and of different sizes."""
    x = normal(rng, (4, net.size, net.size, 3))
    small, large = net.program(1), net.program(4)
    expected = net.step_by_step(x)
    for _ in range(3):
        np.testing.assert_array_equal(net.run(small, x, 4), expected)
        np.testing.assert_array_equal(net.run(large, x, 1), expected)


def test_profile_has_a_time_for_each_step(net: Net, threads: int, rng: np.random.Generator) -> None:
    x = normal(rng, (4, net.size, net.size, 3))
    y = np.empty((4, 10, 10, 24), np.float32)
    for program in (net.program(1), net.in_sections(1)):
        seconds = program.profile([x], [y], 4)
        assert len(seconds) == 3
        assert all(0 < time < 10 for time in seconds)
        np.testing.assert_allclose(y, net.step_by_step(x), rtol=1e-4, atol=1e-4)


def test_steps_say_what_they_cost(net: Net) -> None:
    first, pool, last = net.program(7).steps()
    assert (first["kind"], pool["kind"], last["kind"]) == ("conv", "pool", "conv")
    assert first["algorithm"] == "direct"
    assert first["flops"] == 2 * 20 * 20 * 9 * 3 * 24
    assert first["bytes_written"] == net.wide
    assert first["bytes_read"] == net.image + first["weights_bytes"]
    assert last["bytes_read"] == 2 * net.result + last["weights_bytes"]
    assert {step["repeats"] for step in (first, pool, last)} == {7}


def copied(src: Array, shape: list[int], src_strides: list[int], dst_strides: list[int], size: int) -> Array:
    """A program that does nothing but to copy, into an array of `size` floats that were -1."""
    builder = _core.ProgramBuilder([src.nbytes], [size * FLOAT], 0)
    builder.copy((2, 0, 0), (3, 0, 0), shape, src_strides, dst_strides)
    dst = Guarded(np.full(size, -1, np.float32))
    builder.build().run([src], [dst.array])
    dst.check()
    return dst.array


def test_copies(threads: int, isa: str, rng: np.random.Generator) -> None:
    x = normal(rng, (2, 5, 7, 6))
    np.testing.assert_array_equal(copied(x, [420], [1], [1], 420), x.ravel())
    transposed = copied(x, [6, 2, 5, 7], [1, 210, 42, 6], [70, 35, 7, 1], 420)
    np.testing.assert_array_equal(transposed, x.transpose(3, 0, 1, 2).ravel())
    first = normal(rng, (3, 70, 100))
    for shape, channels, pixels in (((3, 70, 100), 100, 70), ((3, 100, 70), 70, 100), ((3, 7000, 1), 1, 7000)):
        images = first.reshape(shape)
        swapped = copied(first, [3, channels, pixels], [7000, 1, channels], [7000, pixels, 1], 21000)
        np.testing.assert_array_equal(swapped, images.transpose(0, 2, 1).ravel())
    repeated = copied(x, [70, 2, 6], [6, 0, 1], [12, 6, 1], 840)
    np.testing.assert_array_equal(repeated, np.repeat(x.reshape(70, 6), 2, axis=0).ravel())
    spread = copied(x, [70, 6, 2], [6, 1, 0], [12, 2, 1], 840)
    np.testing.assert_array_equal(spread, np.repeat(x.ravel(), 2))
    every_second = copied(x, [210], [2], [1], 210)
    np.testing.assert_array_equal(every_second, x.ravel()[::2])
    into_channels = copied(x, [70, 6], [6, 1], [10, 1], 70 * 10).reshape(70, 10)
    np.testing.assert_array_equal(into_channels[:, :6], x.reshape(70, 6))
    assert (into_channels[:, 6:] == -1).all()
    np.testing.assert_array_equal(copied(x, [], [], [], 1), x.ravel()[:1])


def test_padding(threads: int, rng: np.random.Generator) -> None:
    x = normal(rng, (2, 5, 7, 3))
    builder = _core.ProgramBuilder([x.nbytes], [2 * 8 * 7 * 4 * FLOAT], 0)
    builder.pad((2, 0, 0), (3, 0, 0), x.shape, (0, 1, 0, 0), (0, 2, 0, 1), -1.5)
    dst = blank((2, 8, 7, 4), np.float32)
    builder.build().run([x], [dst.array])
    dst.check()
    expected = np.pad(x, [(0, 0), (1, 2), (0, 0), (0, 1)], constant_values=-1.5)
    np.testing.assert_array_equal(dst.array, expected)
    with pytest.raises(ValueError, match="end within their buffer"):
        _core.ProgramBuilder([x.nbytes], [x.nbytes], 0).pad(
            (2, 0, 0), (3, 0, 0), x.shape, (0, 1, 0, 0), (0, 2, 0, 1), 0.0
        )


@pytest.mark.parametrize(
    ("shape", "src_strides", "dst_strides", "words"),
    [
        ([4, 4], [4, 1], [3, 1], "share a place"),
        ([4, 4], [4, 1], [0, 1], "share a place"),
        ([4], [-1], [1], "negative"),
        ([0], [1], [1], "at least 1"),
        ([4], [1, 1], [1], "equally long"),
        ([5, 4], [4, 1], [4, 1], "end within their buffer, of 64 bytes"),
        ([2, 2], [2**62, 1], [2, 1], "larger than any memory"),
    ],
)
def test_copies_that_are_refused(shape: Any, src_strides: Any, dst_strides: Any, words: str) -> None:
    builder = _core.ProgramBuilder([64], [64], 0)
    with pytest.raises(ValueError, match=words):
        builder.copy((2, 0, 0), (3, 0, 0), shape, src_strides, dst_strides)


@pytest.mark.parametrize(
    ("src", "dst", "words"),
    [
        ((2, 4, 0), (3, 0, 0), "end within their buffer"),
        ((2, 0, 0), (3, 2**63 - 4, 0), "end within their buffer"),
        ((2, 0, 0), (4, 0, 0), "buffer must be less than 4"),
        ((-1, 0, 0), (3, 0, 0), "buffer must be less than 4"),
        ((2, -4, 0), (3, 0, 0), "not negative"),
        ((2, 2, 0), (3, 0, 0), "multiples of 4"),
        ((2, 0, 0), (2, 0, 0), "an input must not be written to"),
        ((2, 0, 0), (0, 0, 4), "advance must be 0 in the arena"),
    ],
)
def test_places_that_are_refused(src: Any, dst: Any, words: str) -> None:
    plan = pool_plan(1, 8, 16)
    builder = _core.ProgramBuilder([8 * 8 * 16 * FLOAT], [4 * 4 * 16 * FLOAT], 4 * 4 * 16 * FLOAT)
    with pytest.raises(ValueError, match=words) as error:
        builder.pool(plan, src, dst)
    assert str(error.value).startswith("ProgramBuilder.pool: ")


def test_repeats_that_would_write_to_the_same_bytes_are_refused() -> None:
    builder = _core.ProgramBuilder([64], [64], 0)
    builder.section(2)
    with pytest.raises(ValueError, match="repeats must not write to the same bytes"):
        builder.copy((2, 0, 0), (3, 0, 4), [2], [1], [1])
    with pytest.raises(ValueError, match="end within their buffer"):
        builder.copy((2, 0, 0), (3, 0, 60), [2], [1], [1])
    with pytest.raises(ValueError, match="repeats must be at least 1"):
        builder.section(0)


def test_arrays_that_are_refused(net: Net, rng: np.random.Generator) -> None:
    program = net.program()
    x, y = normal(rng, (1, 20, 20, 3)), np.empty((1, 10, 10, 24), np.float32)
    with pytest.raises(ValueError, match=r"inputs\[0\] must have 4800 bytes for each of 2 rounds"):
        program.run([x], [y], 2)
    with pytest.raises(ValueError, match="outputs must be 1 arrays"):
        program.run([x], [])
    with pytest.raises(TypeError, match="inputs must have dtype float32"):
        program.run([x.astype(np.float64)], [y])
    with pytest.raises(ValueError, match="inputs must be C-contiguous"):
        program.run([x.transpose(0, 2, 1, 3)], [y])
    y.flags.writeable = False
    with pytest.raises(ValueError, match="outputs must be writeable"):
        program.run([x], [y])
    with pytest.raises(TypeError, match="inputs must be arrays"):
        program.run(["x"], [y])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="rounds must not be negative"):
        program.run([x], [y], -1)


def test_weights_of_another_plan_are_refused(net: Net) -> None:
    first, _, _ = net.plans(1)
    other, _, _ = net.plans(1)
    builder = _core.ProgramBuilder([net.image], [net.wide], 0)
    with pytest.raises(ValueError, match="the same plan's pack"):
        builder.conv(first, (2, 0, 0), other.pack(net.weights[0]), None, (3, 0, 0))


def test_factors_that_are_refused(net: Net) -> None:
    """Winograd's weights can't be scaled, nor those of several images."""
    for plan in (conv_plan(1, 20, 24, 24), conv_plan(2, 20, 3, 24)):
        builder = _core.ProgramBuilder([2 * net.wide], [2 * net.wide], arena=net.wide)
        weights = plan.pack(np.zeros(plan.weights_shape, np.float32))
        with pytest.raises(ValueError, match=r"ProgramBuilder.conv: factors must be None but for one image"):
            builder.conv(plan, (INPUT, 0, 0), weights, None, (OUTPUT, 0, 0), None, (ARENA, 0, 0))
