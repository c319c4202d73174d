"""Passes over a program's graph: each fires where it should, doesn't where it must not, and leaves results equal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from programs import Array, assert_near, lively
from pyconv import Input, Model, layers
from pyconv.program.graph import Graph, Node, Value
from pyconv.program.interpreter import run_graph
from pyconv.program.kinds import Binary, Conv, Pad, Slice, Transpose
from pyconv.program.lowering import lower
from pyconv.program.lowering.registry import Lowering
from pyconv.program.memory import ALIGNMENT, Span, arrange
from pyconv.program.passes import PASSES, simplify
from pyconv.program.passes.cancel_transposes import cancel_transposes
from pyconv.program.passes.fold_affine import fold_affine_after, fold_affine_before
from pyconv.program.passes.fold_constants import fold_constants
from pyconv.program.passes.fold_padding import fold_padding
from pyconv.program.passes.fuse_activation import fuse_activation
from pyconv.program.passes.fuse_chains import fuse_chains
from pyconv.program.passes.fuse_factors import fuse_factors
from pyconv.program.passes.fuse_residual import fuse_residual
from pyconv.program.passes.remove_identity import remove_identity

Build = Callable[[Any], Any]
SHAPE = (7, 8, 4)


def graph_of(build: Build) -> Graph:
    """The graph of what a function makes of an input; several results are several outputs."""
    x = Input(SHAPE)
    model = Model(x, build(x))
    lively(model)
    return lower(model, [SHAPE], Lowering())


def changes(run: Callable[[Graph], int], build: Build, before: Callable[[Graph], object] | None = None) -> int:
    """How often a pass fires, after results have been compared."""
    graph = graph_of(build)
    if before is not None:
        before(graph)
    x = np.random.default_rng(2).normal(size=(2, *SHAPE)).astype(np.float32)
    expected, nodes = run_graph(graph, [x]), len(graph.nodes)
    fired = run(graph)
    assert len(graph.nodes) == nodes - fired
    for got, right in zip(run_graph(graph, [x]), expected, strict=True):
        assert_near(got, right)
    return fired


def conv(**arguments: Any) -> layers.Layer:
    return layers.Conv2D(4, **({"kernel_size": 3, "padding": "same"} | arguments))


def normalization() -> layers.Layer:
    return layers.BatchNormalization()


@pytest.mark.parametrize(
    ("build", "fired"),
    [
        (lambda x: normalization()(conv()(x)), 2),
        (lambda x: normalization()(conv(use_bias=False, groups=2, strides=2)(x)), 2),
        (lambda x: normalization()(layers.DepthwiseConv2D(3, depth_multiplier=2)(x)), 2),
        (lambda x: layers.Rescaling(0.5, 1)(normalization()(layers.Dense(3)(x))), 4),
        (lambda x: normalization()(layers.Conv2DTranspose(5, 3, strides=2)(x)), 2),
        (lambda x: 1 - conv()(x) / 3, 2),
        (lambda x: normalization()(conv(activation="relu")(x)), 0),
        (lambda x: [normalization()(y := conv()(x)), y], 0),  # given out
        (lambda x: layers.add([normalization()(y := conv()(x)), y]), 0),  # read twice
        (lambda x: conv()(x) * np.ones((7, 8, 4), np.float32), 0),  # differs from pixel to pixel
    ],
)
def test_fold_affine_after(build: Build, fired: int) -> None:
    assert changes(fold_affine_after, build) == fired


@pytest.mark.parametrize(
    ("build", "fired"),
    [
        (lambda x: conv(padding="valid")(normalization()(x)), 2),
        (lambda x: conv(padding="valid", groups=2)(normalization()(x)), 2),
        (lambda x: layers.DepthwiseConv2D(3, depth_multiplier=3)(layers.Rescaling([1, 2, 3, 4], 5)(x)), 2),
        (lambda x: layers.Dense(3)(normalization()(layers.ReLU()(x))), 2),
        (lambda x: conv()(x * 0.5), 1),  # zeros stay zeros
        (lambda x: conv()(x + 0.5), 0),
        (lambda x: [conv(padding="valid")(y := x * 2), y], 0),
    ],
)
def test_fold_affine_before(build: Build, fired: int) -> None:
    assert changes(fold_affine_before, build) == fired


@pytest.mark.parametrize(
    ("build", "fired"),
    [
        (lambda x: conv(padding="valid", strides=2)(layers.ZeroPadding2D(((1, 2), (0, 3)))(x)), 1),
        (lambda x: layers.DepthwiseConv2D(3, padding="same")(layers.ZeroPadding2D(1)(x)), 1),
        (lambda x: layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(layers.ReLU()(x))), 1),
        (lambda x: layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x)), 0),  # zeros would win
        (lambda x: layers.MaxPooling2D(2, 2)(layers.ZeroPadding2D(2)(layers.ReLU()(x))), 0),  # windows of zeros alone
        (lambda x: layers.AveragePooling2D(3, 2)(layers.ZeroPadding2D(1)(layers.ReLU()(x))), 0),  # zeros count
        (lambda x: [conv()(y := layers.ZeroPadding2D(1)(x)), y], 0),
        (lambda x: layers.Dense(3)(layers.ZeroPadding2D(1)(x)), 0),
    ],
)
def test_fold_padding(build: Build, fired: int) -> None:
    assert changes(fold_padding, build) == fired


def test_a_border_of_another_number_stays() -> None:
    x, padded, y = Value((4, 4, 1)), Value((6, 6, 1)), Value((4, 4, 1))
    kernel = Conv(np.ones((3, 3, 1, 1), np.float32), None, (1, 1), ((0, 0), (0, 0)), (1, 1))
    border = Node(Pad(((1, 1), (1, 1), (0, 0)), value=1.0), [x], [padded], ["border"])
    graph = Graph([x], [y], [border, Node(kernel, [padded], [y], ["conv"])])
    assert fold_padding(graph) == 0


@pytest.mark.parametrize(
    ("build", "fired"),
    [
        (lambda x: layers.ReLU()(conv()(x)), 1),
        (lambda x: layers.ReLU(6)(layers.Dense(3)(x)), 1),
        (lambda x: layers.LeakyReLU(0.25)(layers.Conv2DTranspose(5, 3, output_padding=1, strides=2)(x)), 1),
        (lambda x: layers.LeakyReLU(0.25)(conv()(x)), 1),
        (lambda x: layers.ReLU(max_value=5)(conv()(x)), 0),
        (lambda x: layers.Activation("tanh")(conv()(x)), 0),
        (lambda x: [layers.ReLU()(y := conv()(x)), y], 0),
    ],
)
def test_fuse_activation(build: Build, fired: int) -> None:
    assert changes(fuse_activation, build) == fired
    assert changes(fuse_activation, build, before=fuse_activation) == 0


@pytest.mark.parametrize(
    ("build", "fired"),
    [
        (lambda x: layers.add([conv()(x), x]), 1),
        (lambda x: layers.add([x, conv()(x)]), 1),
        (lambda x: layers.add([conv()(x), conv(kernel_size=1)(x)]), 1),
        (lambda x: layers.add([conv(activation="tanh")(x), x]), 0),
        (lambda x: layers.add([y := conv()(x), y]), 0),
        (lambda x: layers.add([conv()(x), layers.GlobalAveragePooling2D(keepdims=True)(x)]), 0),  # broadcast
        (lambda x: layers.subtract([conv()(x), x]), 0),
        (lambda x: [layers.add([y := conv()(x), x]), y], 0),
    ],
)
def test_fuse_residual(build: Build, fired: int) -> None:
    assert changes(fuse_residual, build) == fired


@pytest.mark.parametrize(
    ("build", "fired"),
    [
        (lambda x: layers.Activation("tanh")(2 / (x * x + 1)), 3),
        (lambda x: layers.add([y := layers.Activation("tanh")(x), layers.Activation("gelu")(y)]), 1),
        (lambda x: [layers.Activation("tanh")(y := x * 2), y], 0),  # given out
        (lambda x: layers.Activation("tanh")(layers.MaxPooling2D()(x * 2)), 0),
        (lambda x: layers.Activation("softmax")(x * 2), 0),  # not of each number by itself
        (lambda x: x * layers.MaxPooling2D((7, 1))(x), 0),  # a factor for each column
    ],
)
def test_fuse_chains(build: Build, fired: int) -> None:
    assert changes(fuse_chains, build) == fired


def excited(x: Any, **arguments: Any) -> Any:
    """Squeeze-and-excitation, and a convolution of its result."""
    factors = layers.Activation("sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return conv(**({"kernel_size": 1} | arguments))(x * factors)


@pytest.mark.parametrize(
    ("build", "fired"),
    [
        (lambda x: excited(layers.ReLU()(x)), 1),
        (lambda x: layers.ReLU()(layers.add([excited(x, strides=1), x])), 1),
        (lambda x: excited(excited(x)), 2),
        (lambda x: excited(x, kernel_size=3), 0),  # too many weights
        (lambda x: excited(x, groups=2), 0),
        (lambda x: layers.Conv2D(2, 1)(x * [1.0, 2.0, 3.0, 4.0]), 0),
        (lambda x: layers.Conv2D(4, 1)(y := x * layers.GlobalMaxPooling2D(keepdims=True)(x)) + y, 0),
        (lambda x: layers.Conv2D(2, 1)(x * layers.Conv2D(1, 1)(x)), 0),  # a number a pixel
    ],
)
def test_fuse_factors(build: Build, fired: int) -> None:
    def before(graph: Graph) -> None:
        for run in PASSES[: PASSES.index(fuse_factors)]:
            run(graph)

    assert changes(fuse_factors, build, before) == fired


@pytest.mark.parametrize(
    ("build", "fired"),
    [
        (lambda x: x * 1 + 0, 2),
        (lambda x: layers.Cropping2D(0)(layers.ZeroPadding2D(0)(layers.Permute((1, 2, 3))(x))), 3),
        (lambda x: layers.Permute((2, 1, 3))(x * 2), 0),
        (lambda x: 0 - x, 0),
    ],
)
def test_remove_identity(build: Build, fired: int) -> None:
    assert changes(remove_identity, build) == fired


def first(name: str, *arguments: Any, **keywords: Any) -> layers.Layer:
    return getattr(layers, name)(*arguments, data_format="channels_first", **keywords)


@pytest.mark.parametrize(
    ("build", "left"),
    [
        (lambda x: layers.Permute((3, 1, 2))(layers.Permute((2, 3, 1))(x)), 0),
        (lambda x: layers.Permute((2, 1, 3))(layers.ReLU()(layers.Permute((2, 1, 3))(x)) * 2), 0),
        (lambda x: first("Conv2D", 5, 2)(layers.BatchNormalization(1)(first("Conv2D", 3, 2)(x))), 2),
        (lambda x: first("MaxPooling2D")(layers.add([y := first("Conv2D", 3, 3)(x), layers.ReLU()(y)])), 2),
        (lambda x: layers.concatenate([first("Conv2D", n, 3)(x) for n in (2, 3)], axis=1), 2),
        (lambda x: first("Cropping2D", ((0, 1), (2, 0)))(first("ZeroPadding2D", ((1, 2), (0, 3)))(x)), 0),
        (lambda x: first("Flatten")(layers.Rescaling(2, 1)(first("DepthwiseConv2D", 3)(x))), 1),
        (lambda x: first("GlobalAveragePooling2D")(first("Conv2D", 2, 3)(x)), 1),
        (lambda x: layers.add([layers.Permute((2, 1, 3))(x), layers.Reshape((8, 7, 4))(x)]), 1),
        (lambda x: [layers.Permute((2, 1, 3))(x), layers.Permute((1, 2, 3))(x)], 1),
    ],
)
def test_cancel_transposes(build: Build, left: int) -> None:
    graph = graph_of(build)
    x = np.random.default_rng(2).normal(size=(2, *SHAPE)).astype(np.float32)
    expected = run_graph(graph, [x])
    cancel_transposes(graph)
    for got, right in zip(run_graph(graph, [x]), expected, strict=True):
        assert_near(got, right)
    assert sum(isinstance(node.kind, Transpose) for node in graph.nodes) == left


def test_fold_constants() -> None:
    x, y = Value((3,)), Value((3,))
    three, five, eight = (Value((3,), np.full(3, number, np.float32)) for number in (3, 5, 8))
    total = Value((3,))
    graph = Graph([x], [y], [Node(Binary("add"), [three, five], [total], []), Node(Binary("mul"), [x, total], [y], [])])
    assert fold_constants(graph) == 1
    assert fold_constants(graph) == 0  # x is no constant
    np.testing.assert_array_equal(graph.nodes[0].inputs[1].constant, eight.constant)


def test_all_passes_leave_a_residual_block_in_three_convolutions() -> None:
    def block(x: Any) -> Any:
        y = layers.ReLU()(normalization()(conv(use_bias=False)(layers.ZeroPadding2D(1)(x))))
        y = layers.Dropout(0.5)(normalization()(conv(padding="valid")(y)))
        return layers.ReLU()(layers.add([y, normalization()(conv(kernel_size=1)(x))]))

    graph = graph_of(block)
    simplify(graph)
    first, *_, last = graph.nodes
    assert [type(node.kind) for node in graph.nodes] == [Conv] * 3
    assert isinstance(first.kind, Conv)
    assert isinstance(last.kind, Conv)
    assert (last.kind.activation, len(last.inputs)) == ("relu", 2)


def test_memory_is_arranged_without_collisions_and_near_the_bound() -> None:
    generator = np.random.default_rng(4)
    for _ in range(50):
        sizes, starts, lengths = (generator.integers(low, high, 30) for low, high in ((1, 900), (0, 20), (0, 5)))
        spans = [Span(int(n), int(s), int(s + d)) for n, s, d in zip(sizes, starts, lengths, strict=True)]
        offsets, total = arrange(spans)
        for i, one in enumerate(spans):
            assert offsets[i] % ALIGNMENT == 0
            assert offsets[i] + one.bytes <= total
            for j, other in enumerate(spans[:i]):
                apart = offsets[i] >= offsets[j] + other.bytes or offsets[j] >= offsets[i] + one.bytes
                assert apart or not one.meets(other)
        bound = max(sum(s.bytes for s in spans if s.first <= step <= s.last) for step in range(25))
        assert total <= 1.5 * bound + ALIGNMENT * len(spans)


def test_slices_keep_what_they_should() -> None:
    graph = graph_of(layers.Cropping2D(((1, 2), (0, 3))))
    assert graph.nodes[0].kind == Slice((1, 0, 0), (5, 5, 4))


def test_the_interpreter_needs_no_batch_size() -> None:
    graph = graph_of(lambda x: layers.Flatten()(conv()(x)))
    one: Array = np.ones((1, *SHAPE), np.float32)
    np.testing.assert_array_equal(run_graph(graph, [np.repeat(one, 3, 0)])[0][:1], run_graph(graph, [one])[0])
