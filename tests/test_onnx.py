"""ONNX models beside onnxruntime, and what loading and calling them promise. Single operators: test_onnx_backend.py."""

from __future__ import annotations

import importlib
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pyconv.onnx
from arrays import Array
from pyconv.onnx import memory

onnx = pytest.importorskip("onnx")
helper, FLOAT, INT64 = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
# Sums of some hundred products in another order; a wrong tap would be off by a part of the whole.
TOLERANCE = 1e-5


def model_of(
    nodes: list[Any], inputs: dict[str, Any], constants: dict[str, Array] | None = None, opset: int = 17, **kwargs: Any
) -> Any:
    """A model whose output is the last node's first; inputs by name and shape."""
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in (constants or {}).items()]
    values = [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()]
    output = helper.make_tensor_value_info(nodes[-1].output[0], FLOAT, None)
    graph = helper.make_graph(nodes, "g", values, [output], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, **kwargs)


def by_onnxruntime(model: Any, *arrays: Array) -> list[Array]:
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    outputs: list[Array] = session.run(None, dict(zip(names, arrays, strict=True)))
    return outputs


def assert_close(ours: Array, theirs: Array) -> None:
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE * max(1.0, float(np.abs(theirs).max())))


def test_convolutions_of_every_kind() -> None:
    """Groups, dilation, asymmetric pads, auto_pad, one to three axes: what ONNX' suite has too few of."""
    rng = np.random.default_rng(40)
    for _ in range(60):
        rank = int(rng.integers(1, 4))
        group = int(rng.choice([1, 1, 2, 4]))
        channels, filters = group * int(rng.integers(1, 4)), group * int(rng.integers(1, 5))
        window = rng.integers(1, 4, rank).tolist()
        attributes: dict[str, Any] = {"group": group, "strides": rng.integers(1, 4, rank).tolist()}
        if rng.random() < 0.3:
            attributes["auto_pad"] = str(rng.choice(["SAME_UPPER", "SAME_LOWER", "VALID"]))
        else:
            attributes |= {
                "dilations": rng.integers(1, 3, rank).tolist(),
                "pads": rng.integers(0, 3, 2 * rank).tolist(),
            }
        x = rng.standard_normal((2, channels, *rng.integers(6, 10, rank))).astype(np.float32)
        constants = {"w": rng.standard_normal((filters, channels // group, *window)).astype(np.float32)}
        if rng.random() < 0.5:
            constants["b"] = rng.standard_normal(filters).astype(np.float32)
        model = model_of([helper.make_node("Conv", ["x", *constants], ["y"], **attributes)], {"x": x.shape}, constants)
        (ours,) = pyconv.onnx.load(model)(x)
        assert_close(ours, by_onnxruntime(model, x)[0])


def test_transposed_convolutions_of_every_kind() -> None:
    rng = np.random.default_rng(41)
    for _ in range(40):
        rank, group = int(rng.integers(1, 3)), int(rng.choice([1, 1, 2]))
        strides = rng.integers(1, 4, rank)
        attributes: dict[str, Any] = {"group": group, "strides": strides.tolist()}
        x = rng.standard_normal((2, group * 2, *rng.integers(4, 7, rank))).astype(np.float32)
        weights = rng.standard_normal((group * 2, 3, *rng.integers(2, 4, rank))).astype(np.float32)
        choice = rng.random()
        if choice < 0.3:
            attributes["output_shape"] = (np.array(x.shape[2:]) * strides).tolist()
        elif choice < 0.5 and all(weights.shape[2:] >= strides):  # else onnxruntime makes fewer than ONNX says
            attributes["auto_pad"] = str(rng.choice(["SAME_UPPER", "SAME_LOWER"]))
        else:
            attributes |= {
                "pads": rng.integers(0, 2, 2 * rank).tolist(),
                "output_padding": [int(rng.integers(0, stride)) for stride in strides],
                "dilations": rng.integers(1, 3, rank).tolist(),
            }
        model = model_of(
            [helper.make_node("ConvTranspose", ["x", "w"], ["y"], **attributes)], {"x": x.shape}, {"w": weights}
        )
        (ours,) = pyconv.onnx.load(model)(x)
        assert_close(ours, by_onnxruntime(model, x)[0])


def fused_network(rng: np.random.Generator) -> tuple[Any, Array]:
    """Convolution, normalization, activation, twice; a product with one number a channel; a sum across."""
    c = {
        "w1": rng.standard_normal((8, 3, 3, 3)),
        **{name: rng.uniform(0.5, 1.5, 8) for name in ("scale", "bias", "mean", "var")},
        "w2": rng.standard_normal((8, 1, 3, 3)),
        "factor": rng.uniform(0.5, 1.5, (8, 1, 1)),
        "shift": rng.standard_normal((1, 8, 1, 1)),
        "low": np.zeros(()),
        "high": np.full((), 6.0),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w1"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["a", "scale", "bias", "mean", "var"], ["n"]),
        helper.make_node("Relu", ["n"], ["r"]),
        helper.make_node("Conv", ["r", "w2"], ["d"], pads=[1, 1, 1, 1], group=8),
        helper.make_node("Mul", ["d", "factor"], ["m"]),
        helper.make_node("Add", ["shift", "m"], ["s"]),
        helper.make_node("Clip", ["s", "low", "high"], ["k"]),
        helper.make_node("Add", ["k", "r"], ["y"]),
    ]
    constants = {name: array.astype(np.float32) for name, array in c.items()}
    x = rng.standard_normal((2, 3, 9, 7)).astype(np.float32)
    return model_of(nodes, {"x": ["N", 3, "H", "W"]}, constants), x


def test_scales_offsets_and_activations_go_into_the_convolutions(rng: np.random.Generator) -> None:
    model, x = fused_network(rng)
    loaded = pyconv.onnx.load(model)
    assert_close(loaded(x)[0], by_onnxruntime(model, x)[0])
    steps = [line.split()[1] for line in loaded.summary().splitlines()[2:]]
    assert steps == ["'x'", "Conv", "Conv", "Add", "'y'"], "and between them the channels stay last"


def test_the_layout_goes_through_what_has_no_axes_of_its_own(rng: np.random.Generator) -> None:
    weights = rng.standard_normal((4, 4, 1, 1)).astype(np.float32)
    constants = {
        "w": weights,
        "pads": np.array([0, 1, 2, 0, 0, 0, 1, 3]),
        "starts": np.array([1, 0]),
        "ends": np.array([3, 9]),
        "axes": np.array([1, -1]),
        "slopes": rng.uniform(0, 1, (5, 1, 1)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"]),
        helper.make_node("Pad", ["a", "pads"], ["p"], mode="reflect"),
        helper.make_node("PRelu", ["p", "slopes"], ["q"]),
        helper.make_node("Concat", ["q", "p"], ["c"], axis=-3),
        helper.make_node("Slice", ["c", "starts", "ends", "axes"], ["s"]),
        helper.make_node("ReduceMean", ["s"], ["m"], axes=[-2, 1], keepdims=1),
        helper.make_node("Sub", ["s", "m"], ["d"]),
        helper.make_node("Softmax", ["d"], ["f"], axis=1),
        helper.make_node("Transpose", ["f"], ["y"], perm=[3, 0, 2, 1]),
    ]
    model = model_of(nodes, {"x": ["N", 4, "H", "W"]}, constants)
    x = rng.standard_normal((2, 4, 6, 5)).astype(np.float32)
    loaded = pyconv.onnx.load(model)
    assert_close(loaded(x)[0], by_onnxruntime(model, x)[0])
    assert loaded.summary().count("to channels") == 1


def test_every_missing_operator_is_listed_at_once() -> None:
    nodes = [
        helper.make_node("Wobble", ["x"], ["a"]),
        helper.make_node("Wobble", ["a"], ["b"]),
        helper.make_node("Twist", ["b"], ["y"], domain="mine"),
    ]
    model = model_of(nodes, {"x": [1]})
    model.opset_import.append(helper.make_opsetid("mine", 3))
    with pytest.raises(pyconv.onnx.UnsupportedOperatorsError, match=r"Twist \(mine 3, 1 node\), Wobble") as caught:
        pyconv.onnx.load(model)
    assert caught.value.missing == [("Twist", "mine", 3, 1), ("Wobble", "", 17, 2)]


def test_initializers_may_be_listed_as_inputs() -> None:
    model = model_of([helper.make_node("Add", ["x", "c"], ["y"])], {"x": [2], "c": [2]}, {"c": np.ones(2, np.float32)})
    loaded = pyconv.onnx.load(model.SerializeToString())
    assert [value.name for value in loaded.inputs] == ["x"]
    np.testing.assert_array_equal(loaded([1.0, 2.0])[0], [2, 3])


def two_inputs() -> Any:
    nodes = [helper.make_node("Sub", ["a", "b"], ["y"]), helper.make_node("Sub", ["b", "a"], ["z"])]
    model = model_of(nodes, {"a": ["N", 2], "b": ["N", 2]})
    model.graph.output.append(helper.make_tensor_value_info("y", FLOAT, ["N", 2]))
    return pyconv.onnx.load(model)


def test_inputs_by_place_and_by_name() -> None:
    loaded = two_inputs()
    a, b = np.full((3, 2), 5.0), np.ones((3, 2), int)
    for outputs in (loaded(a, b), loaded(a, b=b), loaded(b=b, a=a), loaded({"b": b, "a": a})):
        assert [output[0, 0] for output in outputs] == [-4, 4]
    for wrong in ({}, {"a": a}, {"a": a, "c": b}):
        with pytest.raises(TypeError, match="inputs are"):
            loaded(**wrong)
    with pytest.raises(ValueError, match="'b' must have the shape"):
        loaded(a, np.ones((3, 3)))
    with pytest.raises(TypeError, match="must hold float32"):
        loaded(a, np.array([["one", "two"]]))


def test_predict_goes_batch_by_batch() -> None:
    loaded = two_inputs()
    a = np.arange(14.0).reshape(7, 2)
    z, y = loaded.predict([a, a * 3], batch_size=3)
    np.testing.assert_array_equal(z, a * 2)
    np.testing.assert_array_equal(y, -a * 2)
    with pytest.raises(ValueError, match="equally many"):
        loaded.predict([a, a[:3]])


def test_conditions_loops_and_functions() -> None:
    text = """
    <ir_version: 8, opset_import: ["" : 17, "mine" : 1]>
    g (float[N] x, bool c, int64 n) => (float[N] y, float[N] z)
    {
        y = If (c) <
            then_branch = yes () => (float[N] a) { a = mine.twice (x) },
            else_branch = no () => (float[N] b) { b = Neg (x) }
        >
        one = Constant <value = bool {1}> ()
        z = Loop (n, one, x) <
            body = turn (int64 i, bool go, float[N] v) => (bool again, float[N] w) {
                again = Identity (go)
                w = Add (v, y)
            }
        >
    }
    <domain: "mine", opset_import: ["" : 17]>
    twice (v) => (w) { w = Add (v, v) }
    """
    loaded = pyconv.onnx.load(onnx.parser.parse_model(text))
    x = np.array([1.0, 2.0], np.float32)
    y, z = loaded(x, np.array(True), np.array(3))
    np.testing.assert_array_equal(y, [2, 4])
    np.testing.assert_array_equal(z, [7, 14])
    np.testing.assert_array_equal(loaded(x, np.array(False), np.array(0))[0], [-1, -2])


def test_half_precision_is_kept(rng: np.random.Generator) -> None:
    weights = rng.standard_normal((4, 3, 3, 3)).astype(np.float16)
    model = model_of([helper.make_node("Conv", ["x", "w"], ["y"])], {"x": [1, 3, 5, 5]}, {"w": weights})
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    (y,) = pyconv.onnx.load(model)(rng.standard_normal((1, 3, 5, 5)).astype(np.float16))
    assert y.dtype == np.float16


def external_model(folder: Path, **entries: str) -> Path:
    """A model y = x + c whose constant, two floats, is in another file."""
    model = model_of([helper.make_node("Add", ["x", "c"], ["y"])], {"x": [2]}, {"c": np.ones(2, np.float32)})
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": "weights", "offset": "4", "length": "8", **entries}.items():
        tensor.external_data.add(key=key, value=value)
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_data_beside_the_model(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(np.array([9, 1, 2], "<f4").tobytes())
    path = external_model(tmp_path)
    np.testing.assert_array_equal(pyconv.onnx.load(path)([0.0, 0.0])[0], [1, 2])
    with pytest.raises(pyconv.onnx.InvalidModelError, match="by its path"):
        pyconv.onnx.load(path.read_bytes())


@pytest.mark.parametrize(
    "entries",
    [
        {"location": "../weights"},
        {"location": "/etc/passwd"},
        {"location": "C:weights"},
        {"location": "link"},
        {"location": "folder/weights"},
        {"location": "."},
        {"location": ""},
        {"location": "absent"},
        {"offset": "8"},
        {"offset": "-4"},
        {"length": "1" * 1000},
        {"length": "4"},
    ],
)
def test_data_elsewhere_are_refused(entries: dict[str, str], tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    inside = tmp_path / "inside"
    inside.mkdir()
    for folder in (tmp_path, outside, inside):
        (folder / "weights").write_bytes(bytes(12))
    os.symlink(outside / "weights", inside / "link")
    os.symlink(outside, inside / "folder")
    with pytest.raises(pyconv.onnx.InvalidModelError):
        pyconv.onnx.load(external_model(inside, **entries))


def test_tensors_that_share_data_are_refused(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(bytes(12))
    path = external_model(tmp_path)
    model = onnx.load(path, load_external_data=False)
    again = model.graph.initializer.add()
    again.CopyFrom(model.graph.initializer[0])
    again.name = "d"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(pyconv.onnx.InvalidModelError, match="overlap"):
        pyconv.onnx.load(path)


def cyclic() -> Any:
    return model_of([helper.make_node("Neg", ["b"], ["a"]), helper.make_node("Neg", ["a"], ["b"])], {})


def unknown_attribute() -> Any:
    return model_of([helper.make_node("Conv", ["x", "x"], ["y"], activation="relu")], {"x": [1]})


def endless_function() -> Any:
    model = model_of([helper.make_node("f", ["x"], ["y"], domain="m")], {"x": [1]})
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("m", 1)]
    calls = helper.make_node("f", ["a"], ["b"], domain="m")
    model.functions.append(helper.make_function("m", "f", ["a"], ["b"], [calls], imports))
    model.opset_import.append(helper.make_opsetid("m", 1))
    return model


def short_tensor() -> Any:
    model = model_of([helper.make_node("Add", ["x", "c"], ["y"])], {"x": [1]}, {"c": np.ones(1, np.float32)})
    model.graph.initializer[0].dims[0] = 2**40
    return model


def two_of_a_name() -> Any:
    return model_of([helper.make_node("Neg", ["x"], ["y"]), helper.make_node("Abs", ["x"], ["y"])], {"x": [1]})


def from_nowhere() -> Any:
    return model_of([helper.make_node("Add", ["x", "z"], ["y"])], {"x": [1]})


def lacking_an_input() -> Any:
    return model_of([helper.make_node("Add", ["x", ""], ["y"])], {"x": [1]})


@pytest.mark.parametrize(
    "make",
    [cyclic, unknown_attribute, endless_function, short_tensor, two_of_a_name, from_nowhere, lacking_an_input],
)
def test_models_that_make_no_sense_are_refused(make: Any) -> None:
    with pytest.raises(pyconv.onnx.InvalidModelError):
        pyconv.onnx.load(make())


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x08\x07", bytes(1000)])
def test_what_is_no_model_is_refused(content: bytes) -> None:
    with pytest.raises(pyconv.onnx.InvalidModelError):
        pyconv.onnx.load(content)


def test_a_small_file_does_not_get_all_memory() -> None:
    shape = np.array([2**20, 2**20, 2**10])
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["z"]), helper.make_node("Add", ["x", "z"], ["y"])]
    loaded = pyconv.onnx.load(model_of(nodes, {"x": [1]}, {"s": shape}))
    with pytest.raises(ValueError, match=f"larger than {memory.MOST_BYTES} bytes"):
        loaded([1.0])


def test_a_step_that_fails_says_which_and_for_what() -> None:
    loaded = pyconv.onnx.load(
        model_of([helper.make_node("Add", ["x", "z"], ["y"], name="sum")], {"x": None, "z": None})
    )
    with pytest.raises(ValueError, match=r"Add 'sum': .*float32 \(2,\), float32 \(3,\)"):
        loaded(np.ones(2), np.ones(3))


def test_weights_are_packed_once(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = fused_network(rng)
    loaded = pyconv.onnx.load(model)
    first = loaded(x)[0]

    def refuse(*args: Any) -> Any:
        raise AssertionError("a plan was made again")

    monkeypatch.setattr(importlib.import_module("pyconv.ops.conv"), "forward", refuse)
    np.testing.assert_array_equal(loaded(x)[0], first)


def test_loading_takes_little_more_memory_than_the_file() -> None:
    weights = np.zeros((64, 64, 16, 16), np.float32)
    model = model_of([helper.make_node("Conv", ["x", "w"], ["y"])], {"x": ["N", 64, "H", "W"]}, {"w": weights})
    content = model.SerializeToString()
    tracemalloc.start()
    loaded = pyconv.onnx.load(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert loaded.inputs[0].name == "x"
    assert peak < 4 * len(content), "the kernel in the core's order, and what is made on the way there"
