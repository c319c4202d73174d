"""Convolutions through whose rows a program goes block by block: the bits of one after the other, and when it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from arrays import Array, normal
from guards import Guarded, blank
from pyconv import Input, Model, _core, layers
from pyconv.program.graph import Graph
from pyconv.program.interpreter import run_graph
from pyconv.program.kinds import Conv, RowBlocks
from pyconv.program.lowering import lower
from pyconv.program.lowering.registry import Lowering
from pyconv.program.passes import simplify
from pyconv.program.passes.fuse_activation import fuse_activation
from pyconv.program.passes.fuse_chains import fuse_chains
from pyconv.program.passes.fuse_residual import fuse_residual
from pyconv.program.passes.fuse_row_blocks import fuse_row_blocks

SRC, DST, RESIDUAL = (2, 0, 0), (4, 0, 0), (3, 0, 0)


class Window(NamedTuple):
    """A convolution behind another: channels out, 0 for depthwise, window, stride, dilation, pads of both axes."""

    filters: int
    window: int = 1
    stride: int = 1
    dilation: int = 1
    pads: tuple[int, int] = (0, 0)


def convolutions(
    rng: np.random.Generator, size: tuple[int, int], channels: int, windows: list[Window], chained: bool = False
) -> list[Any]:
    """Plans with packed weights, bias, and what follows: a product and silu, or nothing."""
    made = []
    for filters, window, stride, dilation, pads in windows:
        groups = 1 if filters else channels
        plan = _core.ConvPlan(
            "conv",
            "forward",
            "float32",
            1,
            channels,
            filters or channels,
            groups,
            size,
            (window, window),
            (stride, stride),
            (dilation, dilation),
            [pads, pads],
            precision="strict",
            activation="relu6",
        )
        channels = filters or channels
        links = [("mul", "number", 0.5, 0.0), ("silu", "none", 0.0, 0.0)] if chained else []
        made.append((plan, plan.pack(normal(rng, plan.weights_shape)), normal(rng, (channels,)), links))
        size = plan.output_size  # type: ignore[assignment]
    return made


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize(
    "windows",
    [
        [Window(40), Window(0, 3, pads=(1, 1)), Window(7)],
        [Window(40), Window(0, 5, 2, pads=(1, 2)), Window(7)],
        [Window(0, 3, pads=(1, 1)), Window(24)],
        [Window(20), Window(0, 3, dilation=2, pads=(2, 2))],
        [
            Window(8, 3, 2, pads=(0, 1)),
            Window(0, 3, pads=(1, 1)),
            Window(4),
            Window(24),
            Window(0, 3, 2, pads=(0, 1)),
            Window(6),
        ],
        [
            Window(8),
            Window(9, 1, 3),
            Window(0, 3, 1, pads=(2, 2)),
        ],  # rows that nobody sees, and windows of one row
        [
            Window(8),
            Window(0, 3, pads=(1, 1)),
            Window(5, 5, pads=(2, 2)),
        ],  # last rows for which nothing new is needed
    ],
)
def test_blocks_of_rows_give_the_bits_of_one_after_the_other(
    windows: list[Window], chained: bool, isa: str, threads: int, rng: np.random.Generator
) -> None:
    convs = convolutions(rng, (13, 9), 6, windows, chained)
    x = normal(rng, (1, 13, 9, 6))
    *_, rows, cols, filters = convs[-1][0].dst_shape
    residual, expected = normal(rng, (1, rows, cols, filters)), x
    for plan, packed, bias, links in convs:
        expected = plan.run(expected, packed, bias, residual=residual if plan is convs[-1][0] else None)
        if links:
            _core.Chain("float32", 1, 1, expected.size, links).run(
                expected.reshape(1, 1, -1), dst=expected.reshape(1, 1, -1)
            )
    for blocks in sorted({1, 2, 3, rows}):
        src, dst = Guarded(x), blank(expected.shape, np.float32)
        builder = _core.ProgramBuilder([x.nbytes, residual.nbytes], [expected.nbytes], 0)
        builder.row_blocks(convs, blocks, SRC, DST, RESIDUAL)
        builder.build().run([src.array, residual], [dst.array])
        src.check()
        dst.check()
        np.testing.assert_array_equal(dst.array, expected)


def test_what_a_step_of_row_blocks_costs(rng: np.random.Generator) -> None:
    convs = convolutions(rng, (12, 8), 4, [Window(32), Window(0, 3, pads=(1, 1))], chained=True)
    builder = _core.ProgramBuilder([12 * 8 * 16], [12 * 8 * 128], 0)
    builder.row_blocks(convs, 3, (2, 0, 0), (3, 0, 0))
    (facts,) = builder.build().steps()
    assert (facts["kind"], facts["algorithm"]) == ("row_blocks", "direct+depthwise")
    assert facts["flops"] == sum(plan.flops for plan, *_ in convs) + 2 * 2 * 12 * 8 * 32
    assert facts["bytes_read"] - facts["weights_bytes"] == 12 * 8 * 16
    # A block of four rows sees six of what lies between.
    assert facts["workspace_bytes"] == _core.get_num_threads() * 6 * 8 * 128
    assert _core.row_blocks_workspace([plan for plan, *_ in convs], 3) == facts["workspace_bytes"]


def test_row_blocks_that_are_refused(rng: np.random.Generator) -> None:
    def add(convs: list[Any], blocks: int = 2) -> None:
        builder = _core.ProgramBuilder([2**20], [2**20], 0)
        builder.row_blocks(convs, blocks, (2, 0, 0), (3, 0, 0))

    wide, narrow = (convolutions(rng, (size, 9), 6, [Window(8), Window(8, 3)]) for size in (13, 11))
    add(wide)
    with pytest.raises(ValueError, match="there must be two convolutions"):
        add(wide[:1])
    with pytest.raises(ValueError, match="read what the one before it writes"):
        add([wide[0], narrow[1]])
    with pytest.raises(ValueError, match=r"blocks must be 1 to the number of rows. Received: 12 of 11"):
        add(wide, 12)
    with pytest.raises(ValueError, match="see a row that is no padding"):
        add(convolutions(rng, (13, 9), 6, [Window(8, pads=(1, 0)), Window(8)]), 3)
    with pytest.raises(ValueError, match="links must have no operand, or a number"):
        add([wide[0], (*wide[1][:3], [("mul", "channels", 0.0, 0.0)])])
    with pytest.raises(ValueError, match="the same plan's pack"):
        add([wide[0], (wide[1][0], *wide[0][1:])])
    winograd = _core.ConvPlan(
        "conv", "forward", "float32", 1, 24, 24, 1, (13, 9), (3, 3), (1, 1), (1, 1), [(1, 1)] * 2, "winograd2"
    )
    first = convolutions(rng, (13, 9), 6, [Window(24)])[0]
    with pytest.raises(ValueError, match="plans must be forward, of plain sums"):
        add([first, (winograd, winograd.pack(normal(rng, (3, 3, 24, 24))), None, [])])


def depthwise(**arguments: Any) -> layers.Layer:
    return layers.DepthwiseConv2D(3, **({"padding": "same", "activation": "relu"} | arguments))


def pointwise(filters: int = 16) -> layers.Layer:
    return layers.Conv2D(filters, 1)


def graph_of(build: Callable[[Any], Any]) -> Graph:
    x = Input((12, 10, 6))
    graph = lower(Model(x, build(x)), [(12, 10, 6)], Lowering())
    fuse_activation(graph)
    fuse_residual(graph)
    fuse_chains(graph)
    return graph


@pytest.mark.parametrize(
    ("build", "joined"),
    [
        (lambda x: pointwise(6)(depthwise()(pointwise()(x))), [3]),
        (lambda x: layers.add([pointwise(6)(depthwise()(pointwise()(x))), x]), [3]),
        (lambda x: depthwise(strides=2, padding="valid")(pointwise()(x)), [2]),
        (lambda x: pointwise()(depthwise(dilation_rate=2)(x)), [2]),
        (lambda x: pointwise()(depthwise()(pointwise()(depthwise()(x)))), [2, 2]),
        (lambda x: [pointwise()(depthwise()(y := pointwise()(x))), y], [2]),  # given out
        (lambda x: layers.add([pointwise()(y := depthwise()(pointwise()(x))), pointwise()(y)]), [2]),  # read twice
        (lambda x: pointwise()(depthwise(activation="silu")(layers.Activation("silu")(pointwise()(x)))), [3]),
        (lambda x: layers.Activation("tanh")(depthwise(activation="silu")(pointwise()(x))), [2]),  # two links
        (lambda x: pointwise()(depthwise()(x) * layers.GlobalAveragePooling2D(keepdims=True)(x)), []),
        (lambda x: layers.add([depthwise()(y := layers.Activation("silu")(pointwise()(x))), y]), []),
        (lambda x: pointwise()(depthwise(depth_multiplier=2)(x)), []),
        (lambda x: pointwise()(pointwise()(x)), []),
        (depthwise(), []),
        (lambda x: pointwise(90)(depthwise()(x)), []),  # more weights than the cache holds
    ],
)
def test_which_convolutions_are_joined(
    build: Callable[[Any], Any], joined: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fuse_row_blocks.__globals__, "_CACHED", 2000)
    graph = graph_of(build)
    x = np.random.default_rng(2).normal(size=(2, 12, 10, 6)).astype(np.float32)
    expected = run_graph(graph, [x])
    fuse_row_blocks(graph)
    assert [len(node.kind.convs) for node in graph.nodes if isinstance(node.kind, RowBlocks)] == joined
    for got, right in zip(run_graph(graph, [x]), expected, strict=True):
        np.testing.assert_array_equal(got, right)


def test_small_images_stay_as_they_are() -> None:
    graph = graph_of(lambda x: pointwise(6)(depthwise()(pointwise()(x))))
    simplify(graph)
    assert [type(node.kind) for node in graph.nodes] == [Conv] * 3


def test_a_network_of_large_images_gives_the_bits_of_its_convolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Input((96, 96, 3))
    y = layers.Conv2D(16, 3, 2, padding="same", activation="relu")(x)
    for strides in (1, 2):
        z = pointwise(16)(depthwise(strides=strides)(layers.ReLU(6)(pointwise(160)(y))))
        y = layers.add([y, z]) if strides == 1 else z
    images: Array = np.random.default_rng(2).normal(size=(2, 96, 96, 3)).astype(np.float32)
    model = Model(x, y)
    between = [step.workspace for step in model.plan(2).steps if step.kind == "rowblocks"]
    assert model.memory_plan(2).inference_workspace == max(between)
    fused = model(images, training=False)
    monkeypatch.setitem(fuse_row_blocks.__globals__, "_CACHED", 2**40)
    other = Model(x, y)
    assert all(step.kind == "conv" for step in other.plan(2).steps)
    np.testing.assert_array_equal(other(images, training=False), fused)
