"""ONNX graphs as programs of the core: what runs at once, what is called in between, and that results stay the same."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import pyconv.onnx
from arrays import Array
from pyconv import config
from pyconv.onnx import regions, registry
from pyconv.onnx.lowering.registry import registered
from pyconv.onnx.regions import Computed, Region
from pyconv.program.building import CoreStage
from pyconv.program.kinds import Transpose

onnx = pytest.importorskip("onnx")

NETWORK = """
    a = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, w)
    b = BatchNormalization (a, scale, shift, shift, scale)
    r = Relu (b)
    m = MaxPool <kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1> (r)
    u = Upsampled
    s = Concat <axis = 1> (r, u)
    g = GlobalAveragePool (s)
    t = Reshape (g, flat)
    y = Gemm <transB = 1> (t, matrix)
"""
CONSTANTS = {
    "w": (6, 3, 3, 3),
    "v": (6, 2, 3, 3),
    "four": (4,),
    "matrix": (4, 12),
}


def model_of(body: str, shape: str = "N,3,H,W", opset: int = 17) -> Any:
    """A loaded model of that body; its constants are whatever the body names among these."""
    rng = np.random.default_rng(3)
    numbers: dict[str, Array] = {name: rng.standard_normal(size) * 0.5 for name, size in CONSTANTS.items()}
    numbers |= {"scale": rng.uniform(0.5, 2, 6), "shift": rng.standard_normal(6)}
    constants = {name: array.astype(np.float32) for name, array in numbers.items()}
    constants |= {"flat": np.array([0, -1]), "twice": np.array([1, 1, 2, 2], np.float32), "one": np.array([1])}
    constants |= {"starts": np.array([0]), "ends": np.array([99]), "axes": np.array([2]), "steps": np.array([2])}
    text = f'<ir_version: 8, opset_import: ["" : {opset}]> g (float[{shape}] x) => (float[P] y) {{ {body} }}'
    parsed = onnx.parser.parse_model(text)
    parsed.graph.output[0].type.tensor_type.ClearField("shape")
    used = {name for node in parsed.graph.node for name in node.input}
    for name in sorted(used & set(constants)):
        parsed.graph.initializer.append(onnx.numpy_helper.from_array(constants[name], name))
    return pyconv.onnx.load(parsed)


def network(middle: str = 'u = Resize <mode = "linear"> (m, , twice)') -> Any:
    return model_of(NETWORK.replace("u = Upsampled", middle))


def assert_as_one_by_one(model: Any, *arrays: Array) -> None:
    with_programs = model(*arrays)
    config.set_programs(False)
    try:
        expected = model(*arrays)
    finally:
        config.set_programs(True)
    for y, each in zip(with_programs, expected, strict=True):
        assert y.dtype == each.dtype
        # Sums in another order, and factors folded into weights.
        np.testing.assert_allclose(y, each, rtol=0, atol=1e-5 * float(np.abs(each).max()))


def regions_of(model: Any) -> list[Region]:
    return [step.function for step in model._in_regions.steps if isinstance(step.function, Region)]


def images(rng: np.random.Generator, *shape: int) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(("name", "since", "function"), registered(), ids=lambda each: str(each)[:20])
def test_what_is_lowered_takes_what_its_operator_takes(name: str, since: int | None, function: Any) -> None:
    parameters = inspect.signature(function).parameters.values()
    places = [each for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.VAR_POSITIONAL)][1:]
    several = any(each.kind is each.VAR_POSITIONAL for each in places)
    settings = {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}
    rest = any(each.kind is each.VAR_KEYWORD for each in parameters)
    own = {} if name.startswith("Channels") else {each.since: each for each in registry._operators["", name]}
    for version, operator in own.items():
        if since in (None, version):
            theirs = inspect.signature(operator.function).parameters.values()
            given = [each for each in theirs if each.kind is each.POSITIONAL_OR_KEYWORD]
            assert several or len(given) <= len(places)
            named = {each.name for each in theirs if each.kind is each.KEYWORD_ONLY} - {"outputs"}
            assert rest or named <= settings | {each.name for each in places}


def test_a_network_is_one_program_with_channels_last(rng: np.random.Generator) -> None:
    model = network()
    x = images(rng, 2, 3, 12, 8)
    assert_as_one_by_one(model, x)
    (region,) = regions_of(model)
    (entry,) = region._entries.values()
    assert isinstance(entry.runs, Computed)
    (stage,) = entry.runs.compiled.stages
    assert isinstance(stage, CoreStage)
    assert sum(isinstance(node.kind, Transpose) for node in stage.nodes) == 1, "that of the images"


@pytest.mark.parametrize(
    "attributes",
    [
        "strides = [2, 2], pads = [1, 1, 1, 1], output_padding = [1, 1]",
        'auto_pad = "SAME_UPPER", strides = [2, 3]',
        "dilations = [1, 2], output_shape = [10, 9]",
    ],
)
def test_transposed_convolutions_are_part_of_a_program(attributes: str, rng: np.random.Generator) -> None:
    model = model_of(f"""
        a = Conv (x, w)
        u = ConvTranspose <group = 2, {attributes}> (a, v, four)
        y = Relu (u)
    """)
    assert_as_one_by_one(model, images(rng, 2, 3, 10, 7))
    (region,) = regions_of(model)
    (entry,) = region._entries.values()
    assert isinstance(entry.runs, Computed)
    assert [type(node.kind).__name__ for node in entry.runs.compiled.graph.nodes].count("Call") == 0


def test_zeros_before_a_transposed_convolutions_results_are_no_windows(rng: np.random.Generator) -> None:
    model = model_of("a = Conv (x, w) y = ConvTranspose <group = 2, output_shape = [14, 20]> (a, v, four)")
    assert_as_one_by_one(model, images(rng, 1, 3, 10, 7))


@pytest.mark.parametrize("size", [(1, 3, 12, 8), (5, 3, 8, 8), (3, 3, 16, 4)])
def test_any_size_of_images_and_batches(size: tuple[int, ...], rng: np.random.Generator) -> None:
    model = network()
    for batch in (size[0], 2, 4):
        assert_as_one_by_one(model, images(rng, batch, *size[1:]))
    assert len(regions_of(model)[0]._entries) == 1, "one program for all batches"
    for height in range(4, 32, 4):
        model(images(rng, 1, 3, height, 8))
    assert len(regions_of(model)[0]._entries) <= regions.KEPT


@pytest.mark.parametrize(
    ("middle", "called"),
    [
        ("u = LRN <size = 3> (r)", "LRN"),  # known before any shape
        ("u = Slice (r, starts, ends, axes, steps) z = Identity (m)", "Slice"),  # refused when its steps are seen
        ("i = Slice (r, starts, ends, axes, one) u = Selu <alpha = 1.5> (i)", "Selu"),
    ],
)
def test_what_has_no_step_is_called_in_between(middle: str, called: str, rng: np.random.Generator) -> None:
    body = NETWORK.replace("u = Upsampled", middle).replace("(r, u)", "(u, u)")
    model = model_of(body)
    assert_as_one_by_one(model, images(rng, 2, 3, 12, 8))
    steps = list(model._in_regions.steps)
    for region in regions_of(model):
        for entry in region._entries.values():
            steps += getattr(entry.runs, "steps", [])
    assert [step.label.split()[0] for step in steps if not isinstance(step.function, Region)] == [called]


def test_what_follows_from_shapes_is_computed_once(rng: np.random.Generator) -> None:
    body = """
        r = Conv (x, w)
        s = Shape (r)
        n = Gather (s, zero)
        k = Unsqueeze (n, zeros)
        d = Concat <axis = 0> (k, rest)
        y = Reshape (r, d)
    """
    constants = "".join(
        f"{name} = Constant <value = int64{shape} {{{number}}}> ()\n"
        for name, shape, number in [("zero", "", 0), ("zeros", "[1]", 0), ("rest", "[1]", -1)]
    )
    model = model_of(constants + body)
    for batch in (1, 3, 3):
        x = images(rng, batch, 3, 5, 5)
        assert_as_one_by_one(model, x)
        assert model(x)[0].shape == (batch, 54)
    (region,) = regions_of(model)
    assert all(isinstance(entry.runs, Computed) for entry in region._entries.values())
    assert sorted(key[-1] for key in region._entries) == [1, 3], "each for a batch of its own"


def test_axes_of_the_batch_stay_out_of_programs(rng: np.random.Generator) -> None:
    body = "t = Transpose <perm = [1, 0, 2, 3]> (x) a = Relu (t) c = Concat <axis = 0> (a, a) y = Exp (c)"
    assert_as_one_by_one(model_of(body), images(rng, 2, 3, 4, 5))
    assert_as_one_by_one(model_of("a = ReduceMean <axes = [0]> (x) y = Relu (a)"), images(rng, 2, 3, 4, 5))


def test_other_numbers_go_one_by_one() -> None:
    text = '<ir_version: 8, opset_import: ["" : 17]> g (double[N,2] x) => (double[N,2] y) { a = Exp (x) y = Neg (a) }'
    model = pyconv.onnx.load(onnx.parser.parse_model(text))
    x = np.array([[0.1, 0.2]])
    np.testing.assert_allclose(model(x)[0], -np.exp(x), rtol=1e-15)
    assert not regions_of(model)[0]._entries


def test_errors_name_the_node() -> None:
    model = model_of(NETWORK.replace("u = Upsampled", "u = Identity (r)"), "N,C,H,W")
    with pytest.raises(ValueError, match=r"^onnx: Conv making \['a'\]: Conv: X must have"):
        model(np.ones((1, 4, 8, 8), np.float32))
